"""Units in which single precision holds the squares of all samples: others than the receivers' where these are odd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.arrays import LARGEST_PEAK, SMALLEST_PEAK, ComplexArray
from gadgets.kspace.kspace import KSpace

# So far apart that the k-spaces of one scan share their units, and within what single precision can be multiplied by.
_STEP, _MOST = 40, 120


def in_ordinary_units(kspace: KSpace) -> tuple[KSpace, float]:
    """Multiply samples that are far too large or small for their squares by a power of two, which loses nothing.

    Returns
    -------
        The k-space itself and 1 where its samples are ordinary, else a copy and what it was multiplied by.
    """
    samples = kspace.data.reshape(-1)
    # A single pass that makes no array, as nearly all data are ordinary; beyond single precision it is infinite or
    # zero.
    with np.errstate(over="ignore", invalid="ignore"):
        energy = float(np.vdot(samples, samples).real)
    if SMALLEST_PEAK**2 < energy < LARGEST_PEAK**2:
        return kspace, 1.0
    parts = np.ascontiguousarray(samples, np.complex64).view(np.float32)
    peak = float(np.max(np.abs(parts), where=np.isfinite(parts), initial=0))
    if peak == 0 or SMALLEST_PEAK < peak < LARGEST_PEAK:
        return kspace, 1.0
    exponent = min(-_STEP * round(np.log2(peak) / _STEP), _MOST)
    scale = 2.0**exponent
    # Part by part: a product of complex numbers makes NaN of what is infinite.
    data = (parts * np.float32(scale)).view(np.complex64).reshape(kspace.data.shape)
    return replace(kspace, data=data), scale


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
