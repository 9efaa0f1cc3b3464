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
        (scan_items(), (1, 8)),
        (scan_items(n_slices=3), (3, 24)),
        ([raw_acquisition(line, repetition=line % 2, contrast=line // 8) for line in range(8)], (2, 8)),
        ([raw_acquisition(line, repetition=line) for line in range(8)], (0, 8)),  # stray readouts
        ([*scan_items(), *(raw_acquisition(0) for _ in range(20))], (1, 28)),  # one line came again
        ([raw_acquisition(flags=ACQ_IS_NOISE_MEASUREMENT)], (0, 0)),
        ([raw_acquisition(line, discard_pre=10, discard_post=6) for line in range(8)], (0, 0)),
    ],
)
def test_kspaces_are_counted_from_the_file(tmp_path, items, count):
    with RawFile(make_raw_file(tmp_path / "raw.h5", items)) as raw:
        assert count_kspaces(raw) == count
