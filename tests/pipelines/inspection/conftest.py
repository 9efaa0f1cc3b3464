"""A scan with a burst, looked at once for all tests of it."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.scans.inspections import CPU, ignore

from pipelines.files import RawAcquisition, RawFile, write_raw_file
from pipelines.inspection import inspect_raw
from pipelines.phantom import PhantomScan, write_phantom


@pytest.fixture(scope="session")
def burst_file(tmp_path_factory):
    """A scan of 16 receivers with a burst in 3 and 7, far from the centre of k-space."""
    folder = tmp_path_factory.mktemp("burst")
    write_phantom(folder / "clean.h5", PhantomScan(matrix=48, n_coils=16, n_slices=2, n_noise=0))
    with RawFile(folder / "clean.h5") as raw:
        items, header = list(raw), raw.header_xml
    hit = items[10]
    data, noise = hit.data.copy(), np.median(np.abs(hit.data[:, :6]))
    data[np.ix_([3, 7], [5, 6, 7])] += noise * np.array([[60], [90j]]) * np.array([1, 0.8, 0.6])
    items[10] = RawAcquisition(hit.header, hit.trajectory, data)
    write_raw_file(folder / "burst.h5", header, items)
    return folder / "burst.h5"


@pytest.fixture(scope="session")
def burst(burst_file):
    return inspect_raw(burst_file, CPU, ignore)
