"""What stands out: samples that differ from earlier k-spaces by more than is usual around them and among their like."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_opening, label, maximum_filter1d

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import innovation_of, predict_from_support
from gadgets.local_statistics import BESIDE, total_power
from gadgets.process import check_time
from gadgets.series import one_readout
from gadgets.series.differences import Differences, usual_error

STANDS_OUT = 5.0
"""Times the error around a sample from which on it is worth a second opinion. The largest of a clean k-space is 2.3 as
a rule, and 5.3 in one of fifty."""

STANDS_OUT_BESIDE = 3.0
"""The same for samples :data:`BESIDE` one that was found: they belong to its burst."""

LONGEST = 8
"""Samples in a row that may belong to sparks: these have up to 6, and two of them may touch."""

MOSTLY_NEW = 0.7
"""Share of a difference that has to be new where a single earlier k-space tells of it, and another one is doubtful."""

DOUBTFUL = 2.0
"""Times what stands out that earlier k-spaces, each alone, may differ from what both together predict. Where it takes
both to tell of another contrast they differ much more, and say little of the few samples that are the loudest."""

AT_THE_PEAK, ALIKE = 3, 1.2
"""Lines over which samples that stand out together hold the echo's peak in another contrast, and how far they differ by
like shares: by this standard deviation of the logarithms. In clean inversion recovery it was 0.05 to 1.17, in crowds of
sparks 0.6 to 2.1."""

ROUNDS = 6
"""Strong sparks hide weak ones: the rest is looked at again without them."""


def standing_out(compared: Differences, *, is_like_before: bool = True) -> BoolArray:
    """Mark the samples that stand out of the differences around them, shape ``(ky, kx)``.

    Parameters
    ----------
    compared
        With earlier k-spaces.
    is_like_before
        Whether one of these is of the same contrast and phase.
    """
    found: BoolArray = np.zeros(compared.valid.shape, bool)
    # What is known from any of the earlier k-spaces is no news, and must not be spread over what is around it.
    news = compared.difference * compared.new
    for _ in range(ROUNDS):
        check_time()
        more = _unusual(compared, np.where(found, 0, news), found)
        if not more.any():
            # An image of the differences is dark but where something changed, and its background says more.
            more = _unusual(compared, _innovation(news, found), found)
        if not more.any():
            break
        found |= more
    found &= ~(compared.alone & (compared.new < MOSTLY_NEW))
    if not is_like_before:
        found &= ~_changed_at_the_peak(compared, found)
    return found & ~_moved(compared, np.where(found, 0, news), found)


def _innovation(news: ComplexArray, found: BoolArray) -> ComplexArray:
    """Give what is new and does not follow from all other samples but those found; shape ``(coil, ky, kx)``."""
    # Two transforms where nothing is missing, as in most k-spaces: the same in a third of the time.
    return (
        predict_from_support(news, np.broadcast_to(found, news.shape)).innovation
        if found.any()
        else innovation_of(news)[0]
    )


def _changed_at_the_peak(compared: Differences, found: BoolArray) -> BoolArray:
    """Mark the samples around the echo's peak that differ because the contrast does, shape ``(ky, kx)``."""
    nowhere: BoolArray = np.zeros_like(found)
    loudness = compared.expected.max(axis=0)
    peak = np.unravel_index(loudness.argmax(), loudness.shape)
    if not found[peak]:
        return nowhere
    # Neighbours across corners belong together, too.
    parts, _ = label(found, np.ones((3, 3), int))
    here: BoolArray = parts == parts[peak]
    if np.count_nonzero(here.any(axis=1)) < AT_THE_PEAK:
        return nowhere
    shares = total_power(compared.difference[:, here]) / total_power(compared.predicted[:, here])
    # Of powers, where twice the logarithm of magnitudes stands.
    return here if np.std(np.log(shares)) < 2 * ALIKE else nowhere


def _moved(compared: Differences, left: ComplexArray, found: BoolArray) -> BoolArray:
    """Mark what differs because something moved while its readout was acquired: runs longer than any spark.

    Several sparks in a row are as long, and are no runs any more where the readout may have weights of its own.
    """
    if not found.any():
        return found
    runs: BoolArray = np.asarray(binary_opening(found, np.ones((1, LONGEST + 1), bool)))
    for line in np.flatnonzero(runs.any(axis=1)):
        around = slice(line - one_readout.REACH[0], line + one_readout.REACH[0] + 1)
        unexplained = one_readout.unexplained(
            compared.predicted[:, around],
            compared.difference[:, line],
            compared.expected[:, line],
            compared.valid[line],
        )
        if unexplained is not None:
            judged = np.zeros(left.shape, np.float32)
            judged[:, line] = np.abs(unexplained) * compared.new[line]
            runs[line] &= _ratio(compared, np.abs(left), judged)[line] <= STANDS_OUT_BESIDE
    return runs


def _unusual(compared: Differences, left: ComplexArray, found: BoolArray) -> BoolArray:
    """Mark what stands out of what is left of the differences, beside what was found."""
    magnitude = np.abs(left)
    # No error is smaller than what is to be expected: most clean data are done with here.
    least = STANDS_OUT_BESIDE if found.any() else STANDS_OUT
    may_be: BoolArray = (magnitude > least * compared.expected).any(axis=0) & compared.valid & ~found
    if not may_be.any():
        return may_be
    ratio = _ratio(compared, magnitude, magnitude)
    beside = maximum_filter1d(found, 2 * BESIDE + 1, axis=1)
    unusual: BoolArray = (ratio > np.where(beside, STANDS_OUT_BESIDE, STANDS_OUT)) & may_be
    return unusual


def _ratio(compared: Differences, differences: FloatArray, judged: FloatArray) -> FloatArray:
    """Tell how many times larger than usual magnitudes are, shape ``(ky, kx)``; usual are `differences`."""
    error = np.maximum(usual_error(differences, compared), compared.doubt / DOUBTFUL)
    # The strongest receiver, each in errors of its own: a spark may be in one alone, and the mean of all would hide it.
    return np.asarray(np.max(judged / error, axis=0))
