"""An acquisition of MRD version 2 as one of version 1."""

from __future__ import annotations

import numpy as np
import pytest

from gadgets.errors import RawDataError
from pipelines.files.mrd2_acquisition import to_raw

mrd = pytest.importorskip("mrd", reason="needs the package mrd-python")

from helpers.mrd2_scans import N_SAMPLES, acquisition  # noqa: E402


def test_an_acquisition_is_the_same_in_version_1():
    theirs = acquisition(
        5, discard_pre=3, flags=mrd.AcquisitionFlags.IS_NOISE_MEASUREMENT, position=np.float32([1, 2, 3])
    )
    raw = to_raw(theirs, 9)
    assert raw.fields["scan_counter"] == 6
    assert raw.fields["flags"] == 1 << 18
    assert (raw.fields["discard_pre"], raw.fields["center_sample"]) == (3, N_SAMPLES // 2)
    assert (raw.fields["idx"]["kspace_encode_step_1"], raw.fields["idx"]["slice"]) == (5, 1)
    assert list(raw.fields["position"]) == [1, 2, 3]
    assert list(raw.fields["user_int"][:3]) == [5, -1, 0]
    np.testing.assert_array_equal(raw.data, theirs.data)


def test_a_trajectory_is_turned_to_version_1():
    theirs = acquisition(5, scan_counter=None)
    theirs.trajectory = np.arange(2 * N_SAMPLES, dtype=np.float32).reshape(2, N_SAMPLES)
    raw = to_raw(theirs, 9)
    assert raw.fields["scan_counter"] == 9
    np.testing.assert_array_equal(raw.trajectory, theirs.trajectory.T)
    theirs.trajectory = theirs.trajectory[:, :-1]
    with pytest.raises(RawDataError, match="acquisition 9: expected a trajectory of 64 samples, found 63"):
        to_raw(theirs, 9)


@pytest.mark.parametrize(("name", "value"), [("encoding_space_ref", 70_000), ("user_int", [1 << 31])])
def test_what_does_not_fit_into_version_1_is_refused(name, value):
    with pytest.raises(RawDataError, match=rf"acquisition 9: {name} of .* does not fit into MRD version 1"):
        to_raw(acquisition(5, **{name: value}), 9)
