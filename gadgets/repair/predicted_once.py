"""Predictions of one k-space, each made once.

The same samples are asked for again and again: to confirm them, to look for what they hide, to see whether they explain
each other, to repair them for good. What belongs there is the same each time; only what follows from it differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import noise_of
from gadgets.kspace import KSpace
from gadgets.process import check_time
from gadgets.records import Point
from gadgets.repair.alone import peaks_of
from gadgets.repair.bursts import Burst, Flagged, group_bursts, surround
from gadgets.repair.candidates import Candidate
from gadgets.repair.predictor import Predictor
from gadgets.repair.quiet import in_quiet_places
from gadgets.series import Witness

_Asked = frozenset[tuple[int, int, int, tuple[int, ...]]]


@dataclass(frozen=True, eq=False)
class Predicted:
    """A burst, what was recorded there, shape ``(receiver, sample)``, and the candidate that is measured best.

    ``series`` is what earlier k-spaces of the place say; None where they say nothing.
    """

    burst: Burst
    recorded: ComplexArray
    candidate: Candidate
    series: Candidate | None = None


class Predictions:
    """What has been predicted of one k-space so far.

    Kept are the few values of each burst, not the arrays that they were read from.

    Parameters
    ----------
    kspace
        As acquired.
    witness
        What earlier k-spaces of this place say; None where there are none.
    """

    def __init__(self, kspace: KSpace, witness: Witness | None = None) -> None:
        self.kspace = kspace
        self.witness = witness
        self._known: dict[_Asked, list[Predicted]] = {}
        self._noise: dict[int, FloatArray] = {}

    def noise(self, partition: int) -> FloatArray:
        """Give the noise of each receiver in a partition, see :func:`noise_of`: every point asks for the same."""
        if partition not in self._noise:
            self._noise[partition] = noise_of(self.kspace, partition)
        return self._noise[partition]

    def knows(self, points: Iterable[Point]) -> bool:
        """Tell whether these points, and no others, have been predicted together."""
        return _flagged(points) in self._known

    def of(self, points: Sequence[Point | Flagged], listed: Sequence[int]) -> Iterator[Predicted]:
        """Predict the bursts of some points one by one; none of them serves to predict another.

        Parameters
        ----------
        points, listed
            See :func:`gadgets.repair.bursts.group_bursts`.
        """
        bursts = group_bursts(self.kspace, points, listed)
        flagged = _flagged(points[index] for index in listed)
        if flagged in self._known:
            # The bursts are the same, and in the same order, but their points may be listed in another one.
            for burst, known in zip(bursts, self._known[flagged], strict=True):
                yield replace(known, burst=burst)
            return
        predicted = []
        for each in self._predicted(bursts, [points[index] for index in listed]):
            predicted.append(each)
            yield each
        # Only now that all are there: a part, where time was up, must not pass for the whole.
        self._known[flagged] = predicted

    def _predicted(self, bursts: Sequence[Burst], points: Sequence[Point | Flagged]) -> Iterator[Predicted]:
        levels: dict[int, FloatArray] = {}
        peaks = peaks_of(self.kspace, bursts)
        quiet = in_quiet_places(self.kspace, bursts, noise=self._noise, levels=levels)
        predictor: Predictor | None = None
        for burst in bursts:
            check_time()
            candidate, series = quiet.get(burst), None
            if candidate is None:
                # Only now: where all bursts lie in quiet places, nothing is copied and nothing transformed.
                predictor = predictor or self._predictor(bursts, points, levels)
                series = predictor.series(burst)
                candidate = predictor.auto(burst, series)
            recorded = burst.recorded_in(self.kspace)
            if burst in peaks:
                # All that was recorded may be the object's.
                candidate = replace(candidate, error=np.maximum(candidate.error, np.abs(recorded)))
            yield Predicted(burst, recorded, candidate, series)

    def _predictor(
        self, bursts: Sequence[Burst], points: Sequence[Point | Flagged], levels: Mapping[int, FloatArray]
    ) -> Predictor:
        around = surround(self.kspace, points)
        # Where all receivers miss the same samples, as loud as it was for quiet places it is for all others.
        return Predictor(around, bursts, None, self.witness, levels if around.is_alike else None)


def _flagged(points: Iterable[Point | Flagged]) -> _Asked:
    # With the receivers: where one was not hit, its sample helps to predict the others.
    return frozenset((point.partition, point.line, point.sample, point.receivers_repaired) for point in points)
