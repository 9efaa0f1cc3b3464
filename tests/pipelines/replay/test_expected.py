"""What has to come back of a raw file."""

from __future__ import annotations

import pytest
from helpers.raw_scans import (
    ACQ_IS_NOISE_MEASUREMENT,
    make_raw_file,
    raw_acquisition,
    scan_items,
)

from pipelines.files.raw_file import RawFile
from pipelines.replay.expected import count_kspaces


@pytest.mark.parametrize(
    ("items", "count"),
    [
        (scan_items(), 1),
        (scan_items(n_slices=3), 3),
        ([raw_acquisition(line, repetition=line % 2, contrast=line // 4) for line in range(8)], 4),
        ([raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT)], 0),
    ],
)
def test_kspaces_are_counted_from_the_file(tmp_path, items, count):
    with RawFile(make_raw_file(tmp_path / "raw.h5", items)) as raw:
        assert count_kspaces(raw) == count
