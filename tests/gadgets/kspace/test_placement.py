"""Readouts of any length, centre and direction in one k-space."""

import numpy as np
import pytest
from helpers.builders import encoding, readout
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import RawDataError
from gadgets.kspace.placement import part_foreign, place_along_readout, place_readouts, to_kspace
from gadgets.kspace.readout import ACQ_IS_REVERSE


@st.composite
def readouts_of_one_kspace(draw):
    readouts = []
    for line in draw(st.lists(st.integers(0, 7), unique=True, min_size=1)):
        n_samples = draw(st.integers(1, 12))
        centre, flags = draw(st.integers(0, 12)), draw(st.sampled_from((0, ACQ_IS_REVERSE)))
        readouts.append(readout(line, n_samples=n_samples, centre=centre, flags=flags))
    return readouts


@given(readouts_of_one_kspace())
@settings(deadline=None, max_examples=60)
def test_cutting_what_was_placed_is_the_identity(readouts):
    kspace = to_kspace(readouts, encoding())
    width, centre, starts = place_readouts(readouts)
    assert (kspace.data.shape[-1], kspace.centre[2]) == (width, centre)
    for item, start in zip(readouts, starts, strict=True):
        row = slice(start, start + item.data.shape[1])
        np.testing.assert_array_equal(kspace.data[:, item.partition, item.line, row], item.data)
        assert kspace.sampled[item.partition, item.line, row].all()
        assert kspace.sampled[item.partition, item.line].sum() == item.data.shape[1]
        # Once a reversed row is turned round, every readout has its centre at the same place.
        begin = width - start - item.data.shape[1] if item.is_reversed else start
        assert begin + item.centre_sample == centre


@pytest.mark.parametrize(
    ("n_samples", "centre", "is_foreign"),
    [
        (16, 0, True),
        (16, 9, True),
        (16, 16, True),
        (64, 32, True),
        (12, 4, False),
        (12, 8, False),
        (4, 2, False),
        (8, 0, False),
        (8, 9, True),
    ],
)
def test_a_few_readouts_that_would_make_the_kspace_wider_are_foreign(n_samples, centre, is_foreign):
    own = [readout(line) for line in range(24)]
    odd = [readout(line, n_samples=n_samples, centre=centre) for line in (24, 25)]
    assert part_foreign([*own[:3], *odd, *own[3:]], 16) == (
        (own, odd) if is_foreign else ([*own[:3], *odd, *own[3:]], [])
    )


def test_segments_of_a_readout_and_half_of_all_readouts_are_none():
    segments = [readout(line, n_samples=16, centre=centre) for line in range(6) for centre in (40, 24, 8)]
    assert part_foreign(segments, 48) == (segments, [])
    turned = [readout(line, centre=8 + line % 2) for line in range(16)]
    assert part_foreign(turned, 16) == (turned, [])


def test_readouts_of_one_length_and_centre_begin_at_0():
    turned = np.array([False, True, False])
    width, centre, start = place_along_readout(np.full(3, 20), np.full(3, 7), turned)
    assert (width, centre, start.tolist()) == (20, 7, [0, 0, 0])


def test_a_kspace_that_a_header_makes_huge_and_hardly_anything_fills_is_refused():
    readouts = [readout(line, n_samples=32) for line in range(8)]
    assert to_kspace(readouts, encoding(n_lines=65_536, n_samples=32)).data.shape[2] == 65_536
    with pytest.raises(RawDataError, match="expected at most 64 times the 512 samples that came, found"):
        to_kspace(readouts, encoding(n_lines=1_000_000, n_samples=32))


def test_one_line_far_out_asks_for_no_memory():
    readouts = [readout(0, n_samples=32), readout(65_535, partition=65_535, n_samples=32)]
    with pytest.raises(RawDataError, match=r"bytes: .receivers, partitions, lines, samples. = .2, 65536, 65536, 32"):
        to_kspace(readouts, encoding(n_samples=32))


def test_a_kspace_beyond_the_limit_of_memory_is_refused(monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "0.001")
    with pytest.raises(RawDataError, match="expected a k-space of at most 1073741 bytes, found one of 2097152 bytes"):
        to_kspace([readout(line, n_samples=16384) for line in range(8)], encoding())
