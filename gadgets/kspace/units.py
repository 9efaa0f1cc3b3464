"""Units in which single precision holds the squares of all samples: others than the receivers' where these are odd.

A sample may also be so far above all others that no units fit both, as where bits were flipped: it is held lower.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.arrays import LARGEST_PEAK, SMALLEST_PEAK, ComplexArray, FloatArray
from gadgets.kspace.kspace import KSpace

# So far apart that the k-spaces of one scan share their units, and within what single precision can be multiplied by.
_STEP, _MOST = 40, 120

# No spark stands so far above the usual sample; farther, all others vanish beside it in single precision.
_FARTHEST = 2.0**50
_SOME = 4096
"""Samples that tell well enough what is usual."""


def in_ordinary_units(kspace: KSpace) -> tuple[KSpace, float]:
    """Multiply samples that are far too large or small for their squares by a power of two, which loses nothing.

    Samples beside which all others would vanish are taken for lower ones, which are wrong all the same.

    Returns
    -------
        The k-space itself and 1 where its samples are ordinary, else a copy and what it was multiplied by.
    """
    samples = kspace.data.reshape(-1)
    # A single pass that makes no array, as nearly all data are ordinary; beyond single precision it is infinite or
    # zero.
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(np.vdot(samples, samples).real)
    few = samples[:: samples.size // _SOME + 1]
    if SMALLEST_PEAK**2 < energy < LARGEST_PEAK**2 and energy < (_FARTHEST * _usual(np.abs(few))) ** 2:
        return kspace, 1.0
    parts = np.ascontiguousarray(samples, np.complex64).view(np.float32)
    magnitudes = np.abs(parts)
    peak = float(np.max(magnitudes, where=np.isfinite(parts), initial=0))
    highest = _FARTHEST * _usual(magnitudes)
    is_beyond = peak > highest > 0
    if is_beyond:
        # What is infinite stays so: it is told apart and passed on.
        parts = np.where(np.isfinite(parts), np.clip(parts, -highest, highest), parts).astype(np.float32)
        peak = highest
    if peak == 0 or (SMALLEST_PEAK < peak < LARGEST_PEAK and not is_beyond):
        return kspace, 1.0
    exponent = min(-_STEP * round(np.log2(peak) / _STEP), _MOST)
    scale = 2.0**exponent
    # Part by part: a product of complex numbers makes NaN of what is infinite.
    with np.errstate(invalid="ignore"):
        data = (parts * np.float32(scale)).view(np.complex64).reshape(kspace.data.shape)
    return replace(kspace, data=data), scale


def _usual(magnitudes: FloatArray) -> float:
    """Give the median of those that are numbers and not zero; 0 where there are none."""
    some = magnitudes[np.isfinite(magnitudes) & (magnitudes > 0)]
    return float(np.median(some)) if some.size else 0.0


def in_own_units(acquired: ComplexArray, ordinary: ComplexArray, changed: ComplexArray, scale: float) -> ComplexArray:
    """Bring changed samples back to the units of the receivers.

    Parameters
    ----------
    acquired
        As it came.
    ordinary, scale
        The same in ordinary units, and what it was multiplied by.
    changed
        A copy of `ordinary` in which samples were changed.

    Returns
    -------
        A copy of `acquired` with the changed samples; all others bit for bit the same.
    """
    # Bit by bit, as NaN is never equal to itself; and part by part, as above.
    result, where = acquired.copy(), changed.view(np.uint64) != ordinary.view(np.uint64)
    result[where] = (changed[where].view(np.float32) / np.float32(scale)).view(np.complex64)
    return result
