"""Candidates at hand: for each burst what the image's background says, and zero where that is better.

Most bursts need no other, and there may be hundreds: these are made for all bursts of a partition at once.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import compress

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.repair.bursts import Burst
from gadgets.repair.candidates import Candidate, beside
from gadgets.repair.ground import Ground, Groundwork, Rehearsals, root_mean_square

GOOD_ENOUGH = 3.0  # times the usual error: other candidates are then not worth their time


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
