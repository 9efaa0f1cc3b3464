"""A witness: what the earlier k-spaces of a place say of the one that has come now, and how wrong they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter1d

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import predict_from_support
from gadgets.kspace import KSpace
from gadgets.local_statistics import local_median, quantile
from gadgets.process import check_time
from gadgets.series.central import Central, Window
from gadgets.series.prediction import predict_from_earlier

STANDS_OUT = 5.0
"""Times the error around a sample from which on it is worth a second opinion. The largest of a clean k-space is 2.3 as
a rule, and 5.3 in one of fifty."""

STANDS_OUT_BESIDE, BESIDE = 3.0, 5
"""The same for samples so near to one that was found, in the same readout: they belong to its burst."""

AGAIN = 0.5
"""Share of what was taken for a spark that may be missing where it comes again, and is none."""

ROUNDS = 6
"""Strong sparks hide weak ones: the rest is looked at again without them."""

FEWEST = 200
"""Samples that are needed to fit 18 weights to; a middle that has fewer in common with the earlier ones is silent."""


@dataclass(frozen=True, eq=False)
class Differences:
    """One partition's middle beside what earlier k-spaces predict; samples as in :class:`Central`.

    Attributes
    ----------
    predicted
        From all earlier k-spaces together, shape ``(coil, ky, kx)``.
    difference
        Recorded minus predicted; zero where one of them is not valid.
    valid
        Samples that can be compared, shape ``(ky, kx)``.
    level
        Of the signal, as it was before, shape ``(ky, kx)``.
    doubt
        How far the earlier k-spaces, each alone, are from what all together predict, shape ``(coil, ky, kx)``: a spark
        in one of them must not become the norm.
    new
        Which share of the difference there is from any of the earlier k-spaces, also as they were before they were
        repaired, shape ``(coil, ky, kx)``: what was taken for a spark once and comes again is none.
    """

    predicted: ComplexArray
    difference: ComplexArray
    valid: BoolArray
    level: FloatArray
    doubt: FloatArray
    new: FloatArray


class Witness:
    """Compares the middle of a k-space with earlier ones, partition by partition.

    Parameters
    ----------
    now, earlier
        The middles of this and of earlier k-spaces of the same place, the likeliest first.
    window
        Where the middle lies.
    kspace
        As acquired.
    """

    def __init__(self, now: Central, window: Window, earlier: Sequence[Central], kspace: KSpace) -> None:
        self._now = now
        self._earlier = earlier
        self._shape = kspace.data.shape[1:]
        self._reversed = kspace.reversed_lines
        self.window = window
        self._known: dict[int, Differences | None] = {}

    @property
    def n_earlier(self) -> int:
        """K-spaces of before that this one is compared with."""
        return len(self._earlier)

    @property
    def is_alone(self) -> bool:
        """Whether there is one earlier k-space only: then nobody knows which of the two is wrong."""
        return len(self._earlier) == 1

    def differences(self, partition: int) -> Differences | None:
        """Compare a partition of the k-space; None outside of the middle, or where there is too little to compare."""
        index = partition - self.window[0].start
        if not 0 <= index < self._now.data.shape[1]:
            return None
        if partition not in self._known:
            self._known[partition] = self._compared(index)
        return self._known[partition]

    def _compared(self, index: int) -> Differences | None:
        check_time()
        valid = self._now.valid[index] & np.all([each.valid[index] for each in self._earlier], axis=0)
        # At the border of the middle the neighbours that a sample is predicted from are cut off.
        valid[[0, -1]] = valid[:, [0, -1]] = False
        if np.count_nonzero(valid) < FEWEST:
            return None
        now, before = self._now.data[:, index], [each.data[:, index] for each in self._earlier]
        predicted, level = predict_from_earlier(now, valid, before)
        difference = np.where(valid, now - predicted, 0)
        doubt: FloatArray = np.zeros(now.shape, np.float32)
        least = np.abs(difference)
        for each in before if len(before) > 1 else ():
            # Fitted by itself: two earlier k-spaces may be of different contrasts, and weights for both together suit
            # neither.
            alone = predict_from_earlier(now, valid, [each])[0]
            doubt = np.maximum(doubt, np.abs(alone - predicted))
            least = np.minimum(least, np.abs(now - alone))
        for middle in self._earlier:
            if middle.recorded is not None:
                recorded = middle.recorded[:, index]
                # As recorded, spark or not: if the same comes again at the same place it belongs to the object.
                away = np.abs(now - predict_from_earlier(now, valid, [recorded])[0])
                least = np.minimum(least, np.maximum(away - AGAIN * np.abs(recorded - middle.data[:, index]), 0))
        new = least / np.maximum(np.abs(difference), 1e-30)
        return Differences(predicted, difference, valid, level, doubt, new)

    @cached_property
    def standing_out(self) -> list[tuple[int, int, int]]:
        """Partition, line and sample, as acquired, of what earlier k-spaces did not lead to expect."""
        places = []
        for partition in range(self.window[0].start, self.window[0].stop):
            compared = self.differences(partition)
            for line, sample in np.argwhere(_standing_out(compared)) if compared is not None else ():
                there, across = int(line) + self.window[1].start, int(sample) + self.window[2].start
                turned = self._reversed[partition, there]
                places.append((partition, there, self._shape[-1] - 1 - across if turned else across))
        return places


def _standing_out(compared: Differences) -> BoolArray:
    """Mark the samples that stand out of the differences around them, shape ``(ky, kx)``."""
    found: BoolArray = np.zeros(compared.valid.shape, bool)
    for _ in range(ROUNDS):
        check_time()
        new = _new(compared, np.where(found, 0, compared.difference), found)
        if not new.any():
            # An image of the differences is dark but where something changed, and its background says more.
            missing = np.broadcast_to(found, compared.difference.shape)
            new = _new(compared, predict_from_support(compared.difference, missing).innovation, found)
        if not new.any():
            break
        found |= new
    return found


def _new(compared: Differences, left: ComplexArray, found: BoolArray) -> BoolArray:
    """Mark what stands out of what is left of the differences, beside what was found."""
    magnitude = np.abs(left)
    # The strongest receiver, each in errors of its own: a spark may be in one alone, and the mean of all would hide it.
    ratio = np.max(magnitude * compared.new / usual_error(magnitude, compared.level), axis=0)
    beside = maximum_filter1d(found, 2 * BESIDE + 1, axis=1)
    new: BoolArray = (ratio > np.where(beside, STANDS_OUT_BESIDE, STANDS_OUT)) & compared.valid & ~found
    return new


def usual_error(differences: FloatArray, level: FloatArray) -> FloatArray:
    """Measure how large differences usually are around each sample, as a complex standard deviation.

    Medians of the samples around it: sparks do not raise them. What a prediction gets wrong grows with the signal, so
    that in a loud place the relative error counts where it is larger.

    Parameters
    ----------
    differences
        Magnitudes, shape ``(coil, ky, kx)``.
    level
        Of the signal, shape ``(ky, kx)``.
    """
    result = np.empty_like(differences)
    for here, values in zip(result, differences, strict=True):
        ratio = values / level
        around, relative = _medians(values), level * _medians(ratio)
        # A readout that differs as a whole was acquired while something moved.
        np.maximum(relative, level * quantile(ratio, 0.5)[:, None], out=relative)
        # Half of what is usual in the whole middle at least: a place that is quiet by chance must not make its
        # neighbour stand out.
        np.maximum(np.maximum(around, relative), 0.5 * quantile(values.ravel(), 0.5) + 1e-30, out=here)
    # The median magnitude of complex Gaussian noise is sqrt(ln 2) of its standard deviation.
    return np.asarray(result / np.sqrt(np.log(2)))


def _medians(values: FloatArray) -> FloatArray:
    """Median of the surroundings, near and farther: a crowd of bursts fills one of them, and rarely both."""
    return np.asarray(np.sqrt((local_median(values, 2) ** 2 + local_median(values, 4) ** 2) / 2))
