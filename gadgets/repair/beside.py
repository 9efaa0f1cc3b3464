"""What lies beside a burst: a sample that nobody flagged may belong to it, and then spoils all that is put in there.

The background fills a long burst from its ends. A weak spark at one of them is carried into the middle, many times
as large, and the measured error knows nothing of it. So the burst is predicted once more, without the samples beside
it, and these are predicted along with it: where they stand out, what they led to is not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gadgets.arrays import BoolArray
from gadgets.kspace import KSpace
from gadgets.records import Point
from gadgets.repair.bursts import Burst, Surroundings, group_bursts, surround
from gadgets.repair.candidates import CONSISTENT, Candidate
from gadgets.repair.predictor import Predictor
from gadgets.repair.refusal import deviation_of

STANDS_OUT = 5.0
"""Deviation from which on a sample beside a burst belongs to it. From 4 on, good ones are blamed in crowds."""

BELIEVED = 0.4
"""Share of the distance between the two predictions that counts as the error of the second: it misses more."""

MOST = 256
"""Points that are looked at once more: where there are more they are interference, and no bursts with ends."""


class Beside:
    """Predicts the bursts of one k-space once more, each without the sample on either side of it.

    Parameters
    ----------
    kspace
        As acquired.
    points, listed
        See :func:`gadgets.repair.bursts.group_bursts`.
    """

    def __init__(self, kspace: KSpace, points: Sequence[Point], listed: Sequence[int]) -> None:
        self._kspace = kspace
        self._points = points
        self._listed = listed
        self._flagged: BoolArray = np.zeros(kspace.sampled.shape, bool)
        self._wide: dict[tuple[int, int], list[Burst]] = {}
        self._predictor: Predictor | None = None

    def weigh(self, burst: Burst, candidate: Candidate) -> Candidate:
        """Give what to believe of a burst: the candidate, the same with more doubt, or what is predicted without.

        Noise alone and earlier k-spaces have no part in this: neither is read from the samples beside a burst.
        """
        if candidate.method in ("zero", "series") or len(self._listed) > MOST:
            return candidate
        predictor = self._predictor = self._predictor or self._open()
        wide = next(each for each in self._wide[burst.partition, burst.line] if each.start <= burst.start < each.stop)
        without, around = predictor.support(wide), predictor.around
        here = np.ix_(np.searchsorted(wide.receivers, burst.receivers), np.arange(burst.start, burst.stop) - wide.start)
        without_here = replace(without, values=without.values[here], error=without.error[here])
        beside = ~self._flagged[wide.partition, wide.line, wide.start : wide.stop]
        deviation = deviation_of(without, wide.of(around.data))[:, beside]
        apart = np.abs(candidate.values - without_here.values)
        if deviation.max(initial=0) > STANDS_OUT and np.any(apart > CONSISTENT * candidate.error):
            return replace(without_here, error=np.maximum(without_here.error, BELIEVED * apart))
        doubt = apart - CONSISTENT * without_here.error
        return replace(candidate, error=np.maximum(candidate.error, doubt))

    def _open(self) -> Predictor:
        """Mark what lies beside the bursts as missing, too."""
        around = surround(self._kspace, [self._points[index] for index in self._listed])
        self._flagged |= np.any(around.missing, axis=0)
        missing = around.missing.copy()
        for burst in group_bursts(self._kspace, self._points, self._listed):
            wide = _widened(burst, around)
            others = self._wide.setdefault((burst.partition, burst.line), [])
            if others and wide.start <= others[-1].stop:  # what lies between two bursts is beside both
                receivers = np.union1d(others[-1].receivers, wide.receivers)
                wide = replace(others.pop(), stop=wide.stop, receivers=receivers)
            others.append(wide)
            missing[wide.receivers, wide.partition, wide.line, wide.start : wide.stop] = True
        bursts = [burst for line in self._wide.values() for burst in line]
        return Predictor(replace(around, missing=missing, clean=around.clean & ~missing), bursts)


def _widened(burst: Burst, around: Surroundings) -> Burst:
    """Take the clean sample on either side to a burst; none beyond the readout's ends."""
    clean = np.all(around.clean[burst.receivers, burst.partition, burst.line], axis=0)
    before = burst.start > 0 and clean[burst.start - 1]
    after = burst.stop < clean.size and clean[burst.stop]
    return replace(burst, start=burst.start - int(before), stop=burst.stop + int(after), points=())
