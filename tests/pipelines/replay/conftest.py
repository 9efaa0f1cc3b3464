"""A raw file that tests of replays share."""

from __future__ import annotations

import pytest
from helpers.raw_scans import (
    make_raw_file,
)


@pytest.fixture
def raw(tmp_path):
    return make_raw_file(tmp_path / "raw.h5")
