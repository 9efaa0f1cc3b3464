"""The memory: which k-spaces of a place are kept, and which of them speak."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan

from gadgets.indices import Indices
from gadgets.series import SeriesMemory

PLENTY = 1e9


def scan(seed=0, **counters):
    return replace(make_scan(2, seed=seed), indices=Indices(**counters))


def test_the_first_kspace_of_a_place_has_no_witness():
    memory = SeriesMemory(PLENTY)
    assert memory.witness(scan()) is None
    memory.accept(scan())
    assert memory.witness(scan(repetition=1)).n_earlier == 1
    for place in ({"slice": 1}, {"encoding": 1}, {"set": 1}):
        assert memory.witness(scan(**place)) is None, place


def test_at_most_two_of_each_contrast_and_phase_are_kept():
    memory = SeriesMemory(PLENTY)
    memory.accept(scan())
    one = memory.n_bytes
    for repetition in range(1, 5):
        memory.accept(scan(repetition=repetition))
    assert memory.n_bytes == 2 * one
    memory.accept(scan(contrast=1))
    assert memory.n_bytes == 3 * one
    assert memory.witness(scan(repetition=9)).n_earlier == 2


def test_the_same_contrast_speaks_before_others():
    memory = SeriesMemory(PLENTY)
    same = scan(seed=1)
    memory.accept(same)
    memory.accept(scan(seed=2, contrast=1))
    memory.accept(scan(seed=3, contrast=2))
    again = memory.witness(scan(seed=1, repetition=1))
    assert np.abs(again.differences(0).difference).max() < 1e-2 * np.abs(same.data).max()


def test_a_full_memory_keeps_the_places_that_it_knows():
    memory = SeriesMemory(PLENTY)
    memory.accept(scan())
    limit = 2.5 * memory.n_bytes
    memory = SeriesMemory(limit)
    for repetition in range(3):
        for number in range(4):
            memory.accept(scan(slice=number, repetition=repetition))
            assert memory.n_bytes <= limit
    assert [memory.witness(scan(slice=number)) is not None for number in range(4)] == [True, True, False, False]


def test_a_place_whose_repaired_kspace_has_no_room_has_no_witness():
    memory = SeriesMemory(PLENTY)
    memory.accept(scan())
    memory = SeriesMemory(1.5 * memory.n_bytes)
    memory.accept(scan())
    repaired = scan(repetition=1)
    memory.accept(repaired, repaired.data)
    assert memory.n_bytes == 0
    assert memory.witness(scan(repetition=2)) is None
    memory.accept(scan(repetition=2))
    assert memory.witness(scan(repetition=3)).n_earlier == 1


def test_another_matrix_or_a_kspace_without_places_is_not_compared():
    memory = SeriesMemory(PLENTY)
    memory.accept(scan())
    assert memory.witness(make_scan(2, shape=(48, 80))) is None
    assert memory.witness(make_scan(3)) is None
    memory.accept(replace(scan(slice=5), is_gridded=False))
    assert memory.witness(scan(slice=5)) is None


@pytest.mark.parametrize("is_reversed", [False, True])
def test_what_is_doubtful_is_no_reference(is_reversed):
    kspace = scan()
    kspace.reversed_lines[0, 30] = is_reversed
    memory = SeriesMemory(PLENTY)
    memory.accept(kspace, doubtful=[(0, 30, 43)])
    witness = memory.witness(kspace)
    valid, (_, lines, samples) = witness.differences(0).valid, witness.window
    (place,) = np.argwhere(~valid[2:-2, 2:-2]) + 2
    assert tuple(place) == (30 - lines.start, (79 - 43 if is_reversed else 43) - samples.start)
