"""Thousands of k-spaces may be open at once: one more costs what it costs among few."""

from __future__ import annotations

import time

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace import assemble
from gadgets.kspace.assembly.layers import Layers, key_of
from gadgets.kspace.assembly.open_kspaces import OpenKSpaces


def test_kin_are_those_that_differ_in_repetition_average_or_receivers():
    waiting = OpenKSpaces()
    first, other, later, averaged, body = (
        key_of(each)
        for each in (readout(), readout(slice=1), readout(repetition=1), readout(average=2), readout(n_coils=1))
    )
    assert waiting.kin_of(first) == []
    for key in (other, averaged, first, body, later):
        waiting.open(key, Layers(encoding()))
    assert waiting.kin_of(later) == [averaged, first, body, later]
    assert waiting.alike(body) == [first, body]
    assert list(waiting.count([later, other, first, key_of(readout(slice=9))])) == [other, first, later]
    assert waiting.close(first) is not None
    assert waiting.close(first) is None
    assert (waiting.kin_of(first), len(waiting)) == ([averaged, body, later], 4)
    assert waiting.alike(first) == [body]


def test_kin_of_single_readouts_are_left_out_where_they_tell_nothing():
    waiting = OpenKSpaces()
    keys = [key_of(readout(repetition=number)) for number in range(3)]
    for key, n_readouts in zip(keys, (1, 2, 3), strict=True):
        layers = waiting.open(key, Layers(encoding()))
        for line in range(n_readouts):
            layers.add(readout(line=line, repetition=key.indices.repetition))
    assert waiting.kin_of(keys[0], fewest=2) == keys[1:]


@pytest.mark.parametrize(("counter", "n_readouts"), [("slice", 6000), ("set", 6000), ("repetition", 3000)])
def test_thousands_that_never_complete_take_no_time(counter, n_readouts):
    """Before, each of them was compared with all others: a few megabytes kept a node busy for hours."""
    readouts = [readout(n_samples=4, n_coils=1, **{counter: number}) for number in range(n_readouts)]
    started = time.process_time()
    assert sum(len(acquired.readouts) for acquired in assemble(readouts, [encoding(8, 4)])) == n_readouts
    assert time.process_time() - started < 10
