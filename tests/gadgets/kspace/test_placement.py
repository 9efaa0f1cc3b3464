"""Readouts of any length, centre and direction in one k-space."""

import numpy as np
from helpers.builders import encoding, readout
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.kspace.placement import place_along_readout, place_readouts, to_kspace
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


def test_readouts_of_one_length_and_centre_begin_at_0():
    turned = np.array([False, True, False])
    width, centre, start = place_along_readout(np.full(3, 20), np.full(3, 7), turned)
    assert (width, centre, start.tolist()) == (20, 7, [0, 0, 0])
