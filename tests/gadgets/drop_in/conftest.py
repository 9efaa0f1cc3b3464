"""A scan that tests of the drop-in share."""

from __future__ import annotations

import pytest
from helpers.builders import (
    acquisition,
    waveform,
)

from gadgets.kspace.readout import (
    ACQ_IS_NAVIGATION_DATA,
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_IS_REVERSE,
)


@pytest.fixture
def scan():
    """A noise prescan, waveforms, a navigator and two interleaved slices, the second with a reversed line."""
    items = [acquisition(0, flags=ACQ_IS_NOISE_MEASUREMENT, n_coils=4, n_samples=32), waveform(0)]
    for line in range(8):
        items.append(acquisition(line, slice=0, scan_counter=2 * line))
        items.append(waveform(1, scan_counter=2 * line))
        items.append(acquisition(line, flags=ACQ_IS_NAVIGATION_DATA))
        reverse = ACQ_IS_REVERSE if line == 3 else 0
        items.append(acquisition(line, slice=1, seed=1, flags=reverse, scan_counter=2 * line + 1))
    return [*items, waveform(2)]
