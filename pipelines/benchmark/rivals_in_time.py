"""Plain ways to repair sparks by what a scan has shown before, for comparison.

What a user would write in an afternoon. Each is opened anew for each scan, and given its k-spaces in order. Receivers
are judged one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace import KSpace

# What each rival takes for a spark; its function says what the numbers mean.
EARLIER_RATIO = 4.0  # with 3 it changes 13 clean samples per k-space in place of 0.3
SPACE_TIME_RATIO = 4.5  # with 3 it changes 19 clean samples per k-space in place of 1
SIZE = 5


def earlier_median() -> Callable[[KSpace], ComplexArray]:
    """Begin a scan: replace whatever exceeds four times the median of before by that median.

    The median of the samples at the same place in all earlier k-spaces of the same slice, real and imaginary parts by
    themselves.
    """
    scan: dict[tuple[int, int, int], list[ComplexArray]] = {}

    def repair(kspace: KSpace) -> ComplexArray:
        earlier = scan.setdefault((kspace.indices.encoding, kspace.indices.slice, kspace.indices.set), [])
        data = kspace.data
        if earlier:
            # Complex numbers have no order to take a median by: the parts are taken each by itself.
            usual = np.median(np.real(earlier), axis=0) + 1j * np.median(np.imag(earlier), axis=0)
            floor = np.median(np.abs(usual), axis=(1, 2, 3), keepdims=True)
            is_spark = np.abs(data) > EARLIER_RATIO * np.maximum(np.median(np.abs(earlier), axis=0), floor)
            data = np.where(is_spark, usual, data).astype(kspace.data.dtype)
        # As repaired, so that a spark is no part of what is usual for the next.
        earlier.append(data)
        return data

    return repair


def space_time_median() -> Callable[[KSpace], ComplexArray]:
    """Begin a scan: replace whatever exceeds the 5 x 5 median of magnitudes in space and time 4.5 times.

    The median of five samples of the readout in the last five k-spaces of the same slice, this one included; what is
    put there is the median of the sample itself in the earlier ones. In the first k-space nothing is replaced.
    """
    scan: dict[tuple[int, int, int], deque[ComplexArray]] = {}

    def repair(kspace: KSpace) -> ComplexArray:
        place = (kspace.indices.encoding, kspace.indices.slice, kspace.indices.set)
        earlier = scan.setdefault(place, deque(maxlen=SIZE - 1))
        data = kspace.data
        if earlier:
            volumes = np.abs([*earlier, data])
            windows = np.stack([np.roll(volumes, step, -1) for step in range(-(SIZE // 2), SIZE // 2 + 1)])
            surroundings = np.median(windows, axis=(0, 1))
            floor = np.median(surroundings, axis=(1, 2, 3), keepdims=True)
            is_spark = volumes[-1] > SPACE_TIME_RATIO * np.maximum(surroundings, floor)
            usual = np.median(np.real(earlier), axis=0) + 1j * np.median(np.imag(earlier), axis=0)
            data = np.where(is_spark, usual, data).astype(kspace.data.dtype)
        # As repaired, so that a spark is no part of what is usual for the next.
        earlier.append(data)
        return data

    return repair
