"""The series as a candidate: what earlier k-spaces of the same place say of a burst, and how wrong they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import CONSISTENT, Candidate
from gadgets.repair.ground import Ground, Groundwork
from gadgets.series import DECIDED, Differences, Witness, louder, usual_error

APART = 3.5
"""Times its error that the background is away from what was recorded where it, too, takes that for wrong."""

FAR = 1.5
"""Times what two k-spaces differ that the background is away from both where it is of no use."""

BETTER = 2.0
"""Times that the background of the differences has to be better than to expect no difference."""


class SeriesPredictor:
    """Predicts the bursts of one k-space from earlier ones of its place.

    What is left to predict is the difference from them. It is an image, too, and a dark one wherever nothing changed:
    its background says what belongs there as that of the k-space itself does.

    Parameters
    ----------
    witness
        What the earlier k-spaces say.
    ground
        Of the k-space itself, with all flagged samples marked.
    bursts
        All of these.
    """

    def __init__(self, witness: Witness, ground: Groundwork, bursts: Sequence[Burst]) -> None:
        self._witness = witness
        self._ground = ground
        self._bursts = bursts
        self._differences: dict[int, _DifferenceGround] = {}

    def candidate(self, burst: Burst) -> Candidate | None:
        """Predict a burst; None where the earlier k-spaces say nothing, or nobody knows which of them is right."""
        compared, inside = self._witness.differences(burst.partition), self._inside(burst)
        if compared is None or inside is None or not compared.valid[inside.line, inside.start : inside.stop].all():
            return None
        if burst.partition not in self._differences:
            self._differences[burst.partition] = self._difference_ground(burst.partition, compared)
        candidate = self._differences[burst.partition].candidate(inside)
        background, error = self._given_others(burst, compared)
        recorded = burst.of(self._ground.around.data)
        apart, away = np.abs(candidate.values - background), np.abs(recorded - background)
        nearer = float(np.linalg.norm(away)) / max(float(np.linalg.norm(apart)), 1e-30)
        is_wrong = nearer > 1 and bool(np.any(away > APART * error))
        if compared.alone[inside.line, inside.start : inside.stop].any():
            # Of two k-spaces that differ, either may be the one with the spark: the background has to say which, and to
            # contradict what was recorded at least twice as much as what the earlier k-space says.
            if is_wrong and nearer > 2:
                return candidate
            # In a crowd it is far from both, and says nothing; and a third thing where both of them have one.
            least = FAR * np.linalg.norm(recorded - candidate.values)
            is_lost = min(np.linalg.norm(apart), np.linalg.norm(away)) > least
            return candidate if (nearer > 2 or is_lost) and self._is_louder(burst, inside) else None
        if is_wrong:
            # What was recorded is none of the two, and in a crowd the background is worse than it measures.
            return candidate
        # Where the background expects what was recorded, the object may have changed.
        return replace(candidate, error=np.maximum(candidate.error, apart - CONSISTENT * error))

    def _is_louder(self, burst: Burst, inside: Burst) -> bool:
        """Tell whether what one earlier k-space tells of is louder now than belongs there, in an object that is still.

        Contrast agent makes it louder, too.
        """
        return self._witness.is_steady(burst.partition) and self._differences[burst.partition].is_louder(inside)

    def _difference_ground(self, partition: int, compared: Differences) -> _DifferenceGround:
        _, lines, samples = self._witness.window
        inside = [self._inside(each) for each in self._bursts if each.partition == partition]
        # A list keeps the axis: the differences are a k-space of one partition, ``(coil, 1, ky, kx)``.
        missing = self._ground.around.missing[:, [partition], lines, samples]
        clean = np.broadcast_to(compared.valid, missing.shape) & ~missing
        difference = Surroundings(compared.difference[:, None], missing, clean)
        return _DifferenceGround(compared, difference, [each for each in inside if each is not None])

    def _given_others(self, burst: Burst, compared: Differences) -> tuple[ComplexArray, FloatArray]:
        """Ask the image's background as if all else that is flagged were what the series says: no crowd spoils it then.

        Returns
        -------
        tuple
            The prediction and its error, shapes ``(receiver, sample)``.
        """
        ground = self._ground.of(burst.partition)
        _, lines, samples = self._witness.window
        others: BoolArray = np.any(self._ground.around.missing[:, burst.partition], axis=0)
        # The burst itself stays unknown: it is what is asked for.
        others[burst.line, burst.start : burst.stop] = False
        places = np.argwhere(others[lines, samples] & compared.valid)
        known = compared.predicted[:, places[:, 0], places[:, 1]]
        places += np.array([lines.start, samples.start])
        background = ground.support.given(burst.line, burst.start, burst.length, places, known)[burst.receivers]
        return background, ground.background_error(burst)

    def _inside(self, burst: Burst) -> Burst | None:
        """Give a burst by its place in the middle; None where it reaches beyond."""
        _, lines, samples = self._witness.window
        line, start, stop = burst.line - lines.start, burst.start - samples.start, burst.stop - samples.start
        if not 0 <= line < lines.stop - lines.start or start < 0 or burst.stop > samples.stop:
            return None
        return replace(burst, partition=0, line=line, start=start, stop=stop)


class _DifferenceGround:
    """What all bursts of a partition need of its differences."""

    def __init__(self, compared: Differences, around: Surroundings, bursts: Sequence[Burst]) -> None:
        self._compared = compared
        self._ground = Ground(around, 0, bursts)
        self._louder: FloatArray | None = None
        difference = np.where(around.missing[:, 0], 0, compared.difference)
        self._usual = usual_error(np.abs(difference), compared)
        self._usual_left = usual_error(np.abs(self._ground.support.innovation), compared)

    def is_louder(self, burst: Burst) -> bool:
        """Tell whether a burst that one earlier k-space tells of is louder in the present one than belongs there."""
        if self._louder is None:
            self._louder = louder(self._compared)
        there = (burst.receivers, burst.line, slice(burst.start, burst.stop))
        return float(self._louder[there].sum()) > DECIDED

    def candidate(self, burst: Burst) -> Candidate:
        """Take what the differences' background says, or no difference, whichever is measured better."""
        there = (burst.receivers, burst.line, slice(burst.start, burst.stop))
        changed, error = self._support(burst)
        predicted, still = self._compared.predicted[there], self._usual[there]
        # What nobody has flagged yet spoils the background's prediction, and not that of no difference.
        if BETTER**2 * np.mean(error**2) > np.mean(still**2):
            changed, error = np.zeros_like(changed), still
        return Candidate("series", predicted + changed, np.maximum(error, self._compared.doubt[there]))

    def _support(self, burst: Burst) -> tuple[ComplexArray, FloatArray]:
        place = (burst.receivers, burst.line, slice(burst.start, burst.stop))
        measured = np.maximum(self._ground.background_error(burst), self._usual_left[place])
        support = self._ground.support
        # The places nearby miss this burst's shape alone, the burst itself also misses what else is flagged.
        uncertain = np.maximum(support.variance.at(*place) / np.diag(self._ground.resolution(burst.length)).real, 1)
        return support.predicted.at(*place), measured * np.sqrt(uncertain)
