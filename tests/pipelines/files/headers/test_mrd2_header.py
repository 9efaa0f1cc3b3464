"""The header of MRD version 2 as one of version 1: what the nodes read of it is the same."""

from __future__ import annotations

import pytest

from gadgets.indices import Indices
from gadgets.kspace.readout import Limits
from gadgets.wire import encodings_of
from pipelines.files.headers.mrd2_header import header_xml
from pipelines.files.headers.mrd_header import read_header

mrd = pytest.importorskip("mrd", reason="needs the package mrd-python")

from helpers.mrd2_scans import make_header  # noqa: E402


def test_the_encoding_is_the_same():
    (encoding,) = encodings_of(read_header(header_xml(make_header()), "here"))
    assert encoding.encoded_matrix == (16, 8, 1)
    assert encoding.recon_matrix == (8, 8, 1)
    assert encoding.encoded_fov == (512.0, 256.0, 5.0)
    assert encoding.recon_fov[0] == 256.0
    assert encoding.lines == Limits(0, 4, 7)
    assert encoding.last == Indices(slice=2)
    assert (encoding.trajectory, encoding.acceleration) == ("cartesian", (1, 1))


def test_trajectory_and_acceleration_are_the_same():
    factor = mrd.AccelerationFactorType(kspace_encoding_step_1=3, kspace_encoding_step_2=2)
    header = make_header(
        trajectory=mrd.Trajectory.GOLDENANGLE, parallel_imaging=mrd.ParallelImagingType(acceleration_factor=factor)
    )
    (encoding,) = encodings_of(read_header(header_xml(header), "here"))
    assert (encoding.trajectory, encoding.acceleration) == ("goldenangle", (3, 2))
