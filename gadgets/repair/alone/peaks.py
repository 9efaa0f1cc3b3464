"""Peaks of an object that repeats, as a grid does: single samples that look as sparks do, but in pairs.

An image is real but for a smooth phase, so what is loud on one side of the centre is loud on the other. A spark has no
such partner, unless another one lies there by chance. Where few of many have one, it is chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.kspace import KSpace, is_all_finite, mirrored, partner, true_centre
from gadgets.local_statistics import power, step_through
from gadgets.repair.bursts import Burst

BEGIN = 0.15
"""Radius outside which they are looked for: nearer to the centre any image is as loud on both sides."""
LONGEST = 6  # samples; interference fills more, and may well have a partner
STANDS_OUT = 4.0  # times that a peak is louder than is usual around it
ALIKE = 2.0  # times that a peak is louder than its partner at most
SHARE = 0.4
"""Of all bursts outside of that radius: so many are peaks where any is. Of sparks, one pair among up to five would be
that much: of a thousand sparks not one lies so by chance."""

FEWEST_RECEIVERS, LIKENESS = 8, 1.8
"""Receivers that tell whether they hear a peak and its partner alike, and how much so, over the square root of their
number. Random gains of 8 and 16 receivers reach that in 3 % of the pairs, and the partners of 50 grids 1.3 and 1.15
times that at least."""

ENOUGH = 1 << 12  # samples of a receiver that tell whether noise has partners
SAME = 0.05
"""Of the mean of a sample and its partner: what they differ by where noise has partners is rounding. Of noise that has
none half the samples differ by more than a half."""

MOST = 256  # bursts; among more, which are interference, any has a partner by chance


def peaks_of(kspace: KSpace, bursts: Sequence[Burst]) -> set[Burst]:
    """Find the bursts whose partners on the other side of the centre stand out as they do.

    Parameters
    ----------
    kspace
        As acquired.
    bursts
        All that is flagged.
    """
    if len(bursts) > MOST:
        return set()
    data = np.asarray(mirrored(kspace.data, kspace.reversed_lines))
    if not is_all_finite(data):
        data = np.where(np.isfinite(data), data, 0)
    # A spark must not pass for the echo.
    flagged = np.zeros(data.shape[1:], bool)
    for burst in bursts:
        flagged[burst.partition, burst.line, burst.start : burst.stop] = True
    centre = true_centre(data, np.broadcast_to(flagged, data.shape))
    acquired = np.asarray(mirrored(kspace.sampled, kspace.reversed_lines))
    outside = [burst for burst in bursts if _nearest(burst, centre, data.shape) >= BEGIN]
    peaks = {burst for burst in outside if burst.length <= LONGEST and _has_partner(data, acquired, burst, centre)}
    is_chance = len(peaks) < SHARE * len(outside)
    return set() if is_chance or (peaks and _is_of_magnitudes(data[:, next(iter(peaks)).partition])) else peaks


def _nearest(burst: Burst, centre: tuple[int, int, int], shape: tuple[int, ...]) -> float:
    """Give the radius of the sample of a burst that is nearest to the centre."""
    sample = min(max(centre[2], burst.start), burst.stop - 1)
    line_reach, sample_reach = (max(c, n - 1 - c, 1) for c, n in zip(centre[1:], shape[2:], strict=True))
    return math.hypot((burst.line - centre[1]) / line_reach, (sample - centre[2]) / sample_reach)


def _has_partner(data: ComplexArray, acquired: BoolArray, burst: Burst, centre: tuple[int, int, int]) -> bool:
    recorded = burst.of(data)
    energy = power(recorded).sum(axis=0)
    loudest = int(np.argmax(energy))
    place = partner((burst.partition, burst.line, burst.start + loudest), centre)
    # The centre may lie between two samples: just beyond the border the partner is still seen from within.
    margins = (0, 1, 1)
    if not all(-m <= index < n + m for index, n, m in zip(place, data.shape[1:], margins, strict=True)):
        return False
    near = data[(burst.receivers, place[0], *_window(place, (1, 1)))].reshape(burst.receivers.size, -1)
    there = near[:, np.argmax(power(near).sum(axis=0))]
    beside = power(there).sum()
    if not 1 / ALIKE**2 < beside / energy[loudest] < ALIKE**2 or not _are_heard_alike(recorded[:, loudest], there):
        return False
    around = (place[0], *_window(place, (3, 4)))
    # Beside readouts that were left out, which are zero, any noise would stand out.
    usual = np.median(power(data[(burst.receivers, *around)]).sum(axis=0)[acquired[around]])
    return bool(beside > STANDS_OUT**2 * usual)


def _are_heard_alike(one: ComplexArray, other: ComplexArray) -> bool:
    """Tell whether receivers hear two samples as they hear one object, and not each by gains of its own."""
    if len(one) < FEWEST_RECEIVERS:
        return True
    likeness = abs(np.vdot(one, other)) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-30)
    return bool(likeness > LIKENESS / math.sqrt(len(one)))


def _is_of_magnitudes(plane: ComplexArray) -> bool:
    """Tell whether a partition is the transform of real numbers: sparks are pairs there, as all is, noise included."""
    # Such a transform is made here, with its centre at half of each axis. Behind the first line and sample each has its
    # partner in reverse order.
    inner = np.abs(plane[:, 1 - plane.shape[1] % 2 :, 1 - plane.shape[2] % 2 :]).reshape(len(plane), -1)
    step = step_through(inner.shape[1], ENOUGH)
    one, other = inner[:, ::step], inner[:, ::-1][:, ::step]
    is_known = one + other > 0
    differ = np.abs(one - other)[is_known] > SAME / 2 * (one + other)[is_known]
    return differ.size > 0 and float(differ.mean()) < 0.5


def _window(place: tuple[int, int, int], reach: tuple[int, int]) -> tuple[slice, slice]:
    """Give the lines and samples around a place."""
    line, sample = (slice(max(index - n, 0), index + n + 1) for index, n in zip(place[1:], reach, strict=True))
    return line, sample
