"""Candidates at hand: for each burst what the image's background says, and zero where that is better.

Most bursts need no other, and there may be hundreds: these are made for all bursts of a partition at once.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import compress

import numpy as np

from gadgets.arrays import FloatArray, IntArray
from gadgets.local_statistics import power
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import Candidate, beside
from gadgets.repair.groundwork import Ground, Groundwork
from gadgets.repair.rehearsal import Rehearsals, root_mean_square

GOOD_ENOUGH = 3.0  # times the usual error: other candidates are then not worth their time
END = 3  # samples at either end of a readout
BESIDE = 8  # lines or samples on either side of a burst that tell how loud its own column or readout is
STAR_WIDTH = 2  # samples on either side of the echo's column
STAR_BEGIN = 0.12  # radius outside which the echo's column is but a star line


class AtHand:
    """The candidates that all bursts of a partition have.

    Parameters
    ----------
    groundwork, partition
        What is known of the k-space, and which of its partitions.
    """

    def __init__(self, groundwork: Groundwork, partition: int) -> None:
        self._ground = groundwork.of(partition)
        self._row = self._ground.row
        self._rehearsals = partial(groundwork.rehearse, partition)

    # As rows of all bursts, cut into bursts where somebody asks; `calibration.method=zero` asks for no other.

    @cached_property
    def _support(self) -> Candidate:
        return Candidate("interpolation", self._ground.predicted, _support_error(self._ground, self._rehearsals()))

    @cached_property
    def _zero(self) -> Candidate:
        predicted = self._ground.predicted
        # Near the centre no other place is as loud as the burst's own; there its prediction is the better witness.
        return Candidate("zero", np.zeros_like(predicted), np.maximum(self._ground.levels, np.abs(predicted)))

    @cached_property
    def _zero_beside(self) -> Candidate:
        return beside(self._support, self._zero)

    @cached_property
    def _is_zero_better(self) -> set[Burst]:
        is_better = self._row.overall(self._zero_beside.error) < self._row.overall(self._support.error)
        return set(compress(self._row.bursts, is_better))

    @cached_property
    def _is_good_enough(self) -> set[Burst]:
        usual = self._row.overall(self._ground.usual_error[self._row.coils])
        return set(compress(self._row.bursts, self._row.overall(self._support.error) <= GOOD_ENOUGH * usual))

    def support(self, burst: Burst) -> Candidate:
        """Interpolate over the whole partition, by the background of the image."""
        return self._of(burst, self._support)

    def zero(self, burst: Burst) -> Candidate:
        """Put zero: as good as anything where there is only noise."""
        return self._of(burst, self._zero)

    def better(self, burst: Burst) -> Candidate:
        """Take the better one of these two, zero weighed by what the background says."""
        return self._of(burst, self._zero_beside if burst in self._is_zero_better else self._support)

    def is_good_enough(self, burst: Burst) -> bool:
        """Tell whether the background is about as good here as predictions are elsewhere in this partition."""
        return burst in self._is_good_enough

    def _of(self, burst: Burst, row: Candidate) -> Candidate:
        return Candidate(row.method, self._row.part(row.values, burst), self._row.part(row.error, burst))


def least_error(around: Surroundings, burst: Burst, centre: tuple[int, int, int] | None) -> FloatArray:
    """Tell how wrong any candidate may be where a line is loud and all beside it is quiet, shape ``(receiver, 1)``.

    The errors of candidates are measured around a burst. Objects with straight edges have their signal in the echo's
    readout and in its column, of which these places say nothing.

    Parameters
    ----------
    around, burst
        The k-space, and what is flagged.
    centre
        The true centre of an EPI; None: no readout is reversed.
    """
    least: FloatArray = np.zeros((burst.receivers.size, 1))
    n_lines, n_samples = around.data.shape[2:]
    clean, acquired = around.clean[:, burst.partition, burst.line], around.acquired[burst.partition, burst.line]
    first, last = np.flatnonzero(acquired)[[0, -1]]
    if burst.start < first + END or burst.stop > last + 1 - END:
        # A transform goes on at the other end, where the signal is another one.
        beside = np.arange(max(burst.start - BESIDE, 0), min(burst.stop + BESIDE, n_samples))
        beside = beside[clean[burst.receivers][:, beside].all(axis=0)]
        least = np.maximum(least, _level(around, burst, burst.line, beside))
    if centre is None or not burst.start - STAR_WIDTH <= centre[2] < burst.stop + STAR_WIDTH:
        return least
    begin = STAR_BEGIN * max(centre[1], n_lines - 1 - centre[1])
    if abs(burst.line - centre[1]) > begin:
        lines = np.arange(max(burst.line - BESIDE, 0), min(burst.line + BESIDE + 1, n_lines))
        lines = lines[(lines != burst.line) & (np.abs(lines - centre[1]) > begin)]
        # Ghosts make some samples of the column louder than others. Where all of these are flagged, they are no sparks.
        for sample in range(burst.start, burst.stop):
            least = np.maximum(least, _level(around, burst, lines, sample))
    return least


def _level(around: Surroundings, burst: Burst, lines: IntArray | int, samples: IntArray | int) -> FloatArray:
    """Root mean square of samples of a burst's partition, all that were acquired; shape ``(receiver, 1)``."""
    place = (burst.receivers[:, None], burst.partition, lines, samples)
    acquired = around.clean[place] | around.missing[place]
    energy = np.where(acquired, power(around.data[place]), 0).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(energy / np.maximum(acquired.sum(axis=1, keepdims=True), 1)))


def _support_error(ground: Ground, rehearsals: Rehearsals) -> FloatArray:
    """Tell how wrong the background is about the bursts, as a row."""
    row, support = ground.row, ground.support
    variance = ground.at_missing(support.variance)
    # The places nearby miss a burst's shape alone, the burst itself also misses what else is flagged.
    alone = np.empty(variance.shape)
    for length in np.unique(row.lengths):
        here = row.lengths == length
        alone[here] = np.diag(ground.resolution(int(length))).real[row.steps[here]]
    error = ground.background_errors * np.sqrt(np.maximum(variance / alone, 1))
    expected = np.sqrt(variance * np.float32(support.correlation[0, 0].real))
    # Samples that are left out of a finished fit had their share in it, and flatter it; rehearsals were withheld.
    wrong = np.zeros(variance.shape, np.float32)
    for burst in rehearsals.places:
        row.part(wrong, burst)[...] = root_mean_square(rehearsals.wrong(burst))
    return np.maximum(error, expected * wrong)
