"""Acquisitions, byte for byte and as readouts."""

from helpers.builders import CLOSE, acquisition, message
from helpers.connections import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.indices import Indices
from gadgets.kspace.readout import ACQ_IS_REVERSE


@given(seed=st.integers(0, 99), n_samples=st.integers(0, 40), n_coils=st.integers(0, 5), n_trajectory=st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_header_trajectory_and_samples_survive(seed, n_samples, n_coils, n_trajectory):
    item = acquisition(seed=seed, n_samples=n_samples, n_coils=n_coils, n_trajectory=n_trajectory)
    ((_, read), _) = parse(message(item) + CLOSE)
    assert (read.header, read.trajectory, read.samples) == (item.header, item.trajectory, item.samples)
    assert read.data.shape == (n_coils, n_samples)
    assert message(read.with_data(read.data)) == message(item)


def test_the_readout_of_an_acquisition_has_its_place_and_time():
    item = acquisition(
        3, 2, flags=ACQ_IS_REVERSE, slice=1, contrast=2, phase=3, repetition=4, set=5, average=6, encoding=7,
        center_sample=5, discard_pre=1, discard_post=2, scan_counter=70000,
    )  # fmt: skip
    readout = item.readout()
    assert readout.indices == Indices(encoding=7, slice=1, contrast=2, phase=3, repetition=4, set=5, average=6)
    assert (readout.line, readout.partition, readout.centre_sample) == (3, 2, 5)
    assert (readout.n_discarded, readout.scan_counter, readout.time_stamp) == ((1, 2), 70000, 12)
    assert readout.is_reversed
    assert readout.source is item
