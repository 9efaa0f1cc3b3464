"""The least errors: where what is measured around a burst does not hold for the burst itself.

The errors of candidates are measured nearby. An object with straight edges has its signal in the echo's readout and in
its column alone, of which the places nearby say nothing.
"""

from __future__ import annotations

import numpy as np

from gadgets.arrays import FloatArray, IntArray
from gadgets.local_statistics import power
from gadgets.repair.bursts import Burst, Surroundings

END = 3  # samples at either end of a readout, and readouts at either end of a partition
BESIDE = 8  # readouts or samples on either side of a burst that tell how loud its own column or readout is
STAR_WIDTH, OUTERMOST_WIDTH = 2, 4  # samples on either side of the echo's column, in an EPI and in outermost readouts
STAR_BEGIN = 0.12  # radius outside which the echo's column is but a star
READOUT_BEGIN = 0.3  # the same for its readout, which scanners oversample: most objects do not fill the image there


def least_error(around: Surroundings, burst: Burst, centre: tuple[int, int, int]) -> FloatArray:
    """Tell how wrong any candidate may be, whatever was measured around it; shape ``(receiver, 1)``.

    Parameters
    ----------
    around, burst
        The k-space, and what is flagged.
    centre
        The true centre.
    """
    return np.asarray(np.maximum(_in_readout(around, burst, centre), _in_column(around, burst, centre)))


def _in_readout(around: Surroundings, burst: Burst, centre: tuple[int, int, int]) -> FloatArray:
    """Tell how loud it is beside a burst in its readout, if that is the echo's or the burst at its end."""
    least: FloatArray = np.zeros((burst.receivers.size, 1))
    n_samples = around.data.shape[3]
    clean, acquired = around.clean[:, burst.partition, burst.line], around.acquired[burst.partition, burst.line]
    beside = np.arange(max(burst.start - BESIDE, 0), min(burst.stop + BESIDE, n_samples))
    first, last = np.flatnonzero(acquired)[[0, -1]]
    if burst.start < first + END or burst.stop > last + 1 - END:
        # A transform goes on at the other end, where the signal is another one.
        is_clean = clean[burst.receivers][:, beside].all(axis=0)
        least = _level(around, burst, burst.line, beside[is_clean])
    begin = READOUT_BEGIN * max(centre[2], n_samples - 1 - centre[2])
    if burst.line != centre[1] or abs((burst.start + burst.stop - 1) / 2 - centre[2]) <= begin:
        return least
    is_own = (burst.start <= beside) & (beside < burst.stop)
    others = beside[acquired[beside] & ~is_own & (np.abs(beside - centre[2]) > begin)]
    if not others.size:
        return least
    # The median, as the rest of a spark may lie beside the part that is flagged.
    magnitudes = np.abs(around.data[burst.receivers[:, None], burst.partition, burst.line, others])
    return np.asarray(np.maximum(least, np.median(magnitudes, axis=1, keepdims=True)))


def _in_column(around: Surroundings, burst: Burst, centre: tuple[int, int, int]) -> FloatArray:
    """Tell how loud the column of a burst is beside it, if that is the echo's or the burst in an outermost readout."""
    least: FloatArray = np.zeros((burst.receivers.size, 1))
    begin = STAR_BEGIN * max(centre[1], around.data.shape[2] - 1 - centre[1])
    if abs(burst.line - centre[1]) <= begin:
        return least
    lines = np.flatnonzero(around.acquired_lines[burst.partition])
    number = int(np.searchsorted(lines, burst.line))
    is_outermost = not END <= number < lines.size - END
    if not is_outermost and not around.runs_both_ways:
        return least
    width = OUTERMOST_WIDTH if is_outermost else STAR_WIDTH
    if not burst.start - width <= centre[2] < burst.stop + width:
        return least
    near = lines[max(number - BESIDE, 0) : number + BESIDE + 1]
    near = near[(near != burst.line) & (np.abs(near - centre[1]) > begin)]
    # Some samples of the column are louder than others. Where all of these are flagged, they are no sparks.
    for sample in range(burst.start, burst.stop):
        least = np.maximum(least, _level(around, burst, near, sample))
    return least


def _level(around: Surroundings, burst: Burst, lines: IntArray | int, samples: IntArray | int) -> FloatArray:
    """Root mean square of samples of a burst's partition, all that were acquired; shape ``(receiver, 1)``."""
    place = (burst.receivers[:, None], burst.partition, lines, samples)
    acquired = around.clean[place] | around.missing[place]
    energy = np.where(acquired, power(around.data[place]), 0).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(energy / np.maximum(acquired.sum(axis=1, keepdims=True), 1)))
