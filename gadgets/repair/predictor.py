"""The predictor: makes candidates for the bursts of one k-space, and measures how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.background import SupportPrediction, predict_from_support
from gadgets.errors import ModelError
from gadgets.kspace import has_partner, have_partners, predict_conjugate, true_centre
from gadgets.local_statistics import quantile
from gadgets.repair.bursts import Burst, Surroundings
from gadgets.repair.candidates import Candidate, shape_error
from gadgets.repair.interpolation import predict_burst
from gadgets.repair.rehearsal import rehearsal_places, withhold
from gadgets.repair.value_assignment import Known, ValueAssignment, Windows, windows_of

NEARBY = (3, 4)  # lines, samples on either side of a burst
KERNEL_REHEARSALS = 2
MOST_KERNELS = 24  # bursts that kernels are fitted for: bounds the time where everything is flagged
LOUD = 3.0  # signal over the usual error: below, there is nothing to predict and nothing to rehearse
WITHHELD = 240  # samples per partition that rehearsals may take
PLACES = 3
HANDICAP = 2.0  # in loud places kernels and partners are worse than they measure where it is less loud
CONSISTENT = 2.5  # times the error of the background's prediction
GOOD_ENOUGH = 3.0  # times the usual error: other candidates are then not worth their time


@dataclass(frozen=True, eq=False)
class Rehearsals:
    """Clean places that were withheld for the loud bursts of one partition.

    Attributes
    ----------
    places
        Of each loud burst.
    wrong
        What was predicted there minus what was recorded, over its expected size, shape ``(coil, ky, kx)``: what is
        withheld makes the task harder than it is.
    """

    places: Mapping[Burst, list[Burst]]
    wrong: ComplexArray


class Predictor:
    """Makes candidates for the bursts of one k-space; what several bursts need is computed once.

    Parameters
    ----------
    around
        The k-space with all flagged samples marked.
    bursts
        Everything that is flagged.
    assignment
        The opened value assignment model, for :meth:`network`.
    """

    def __init__(
        self, around: Surroundings, bursts: Sequence[Burst], assignment: ValueAssignment | None = None
    ) -> None:
        self.around = around
        self._bursts = bursts
        self._assignment = assignment
        self._support: dict[int, SupportPrediction] = {}
        self._usual: dict[int, FloatArray] = {}
        self._rehearsals: dict[int, Rehearsals] = {}
        self._n_kernels = 0

    def zero(self, burst: Burst) -> Candidate:
        """Put zero: as good as anything where there is only noise."""
        # Near the centre no other place is as loud as the burst's own; there its prediction is the better witness.
        error = np.maximum(self._nearby_level(burst), np.abs(self._predicted(burst)))
        return Candidate("zero", np.zeros_like(self._predicted(burst)), error)

    def conjugate(self, burst: Burst) -> Candidate | None:
        """Take the partners on the other side of the centre; None where one is missing or the centre is not sure."""
        places = [(burst.partition, burst.line, sample) for sample in range(burst.start, burst.stop)]
        partners = [has_partner(self.around.clean, place, self._centre)[burst.receivers] for place in places]
        if not np.all(partners) or not self._is_centre_sure:
            return None
        predicted = self._mirrored_kspace[burst.receivers, burst.partition]
        recorded = self.around.data[burst.receivers, burst.partition]
        error = self._nearby_error(np.asarray(recorded - predicted), burst)
        level = self._nearby_level(burst)
        louder = np.abs(self._predicted(burst)) / np.where(level > 0, level, 1)
        return Candidate("conjugate", burst.of(self._mirrored_kspace), error * np.maximum(louder, 1))

    def support(self, burst: Burst) -> Candidate:
        """Interpolate over the whole partition, by the background of the image."""
        prediction = self._predict_support(burst.partition)
        resolution = prediction.burst_resolution(burst.length)
        error = self._nearby_error(prediction.weighted[burst.receivers], burst, resolution)
        # The places nearby miss this burst's shape alone, the burst itself also misses what else is flagged.
        place = (burst.receivers, burst.line, slice(burst.start, burst.stop))
        error = error * np.sqrt(np.maximum(prediction.variance[place] / np.diag(resolution).real, 1))
        expected = np.sqrt(prediction.relative_variance[place])
        rehearsals = self._rehearse(burst.partition)
        places = rehearsals.places.get(burst, [])
        wrong = [rehearsals.wrong[burst.receivers, held.line, held.start : held.stop] for held in places]
        error = np.maximum(error, expected * _root_mean_square(wrong))
        return Candidate("interpolation", self._predicted(burst), error)

    def kernel(self, burst: Burst) -> Candidate | None:
        """Interpolate from the neighbours, over all receivers; None where too few places have their pattern."""
        self._n_kernels += 1
        prediction = predict_burst(self.around, burst) if self._n_kernels <= MOST_KERNELS else None
        if prediction is None:
            return None
        wrong = []
        for place in self._rehearse(burst.partition).places.get(burst, [])[:KERNEL_REHEARSALS]:
            rehearsed = predict_burst(withhold(self.around, [place]), place)
            wrong += [] if rehearsed is None else [rehearsed.values - place.of(self.around.data)]
        return Candidate("interpolation", prediction.values, np.maximum(prediction.error, _root_mean_square(wrong)))

    def interpolation(self, burst: Burst) -> Candidate:
        """Interpolate by the background or by the neighbours, whichever is measured better."""
        support = self.support(burst)
        return support if self.is_good_enough(support, burst) else _best(support, self.kernel(burst))

    def network(self, burst: Burst) -> Candidate:
        """Let the network say what to add to the interpolation; needs the opened model.

        The error is that of the interpolation, which was measured: what the network gains on it is not counted.
        """
        if self._assignment is None:
            raise ModelError("expected an opened value assignment model for a repair by the network, found none")
        base, windows = self.windows(burst)
        values = base.values + self._assignment.correction(windows)
        missing = burst.of(self.around.missing)
        return Candidate("network", np.where(missing, values, base.values), base.error)

    def windows(self, burst: Burst) -> tuple[Candidate, Windows]:
        """Give the interpolation and what the network looks at.

        Partners and neighbours are asked where the background is not enough, as in :meth:`interpolation`.
        """
        support = self.support(burst)
        is_enough = self.is_good_enough(support, burst)
        kernel = None if is_enough else self.kernel(burst)
        base = _best(support, kernel)
        mirrored = None if is_enough or not self._is_centre_sure else self._partners(burst.partition)
        around = self.around
        missing, clean = around.missing[:, burst.partition], around.clean[:, burst.partition]
        known = Known(around.data[:, burst.partition], self._predict_support(burst.partition), missing, clean, mirrored)
        return base, windows_of(known, burst, base, support, kernel)

    def auto(self, burst: Burst) -> Candidate:
        """Take the candidate that is measured best here."""
        support, zero = self.support(burst), self.zero(burst)
        if self.is_good_enough(support, burst):
            chosen = _best(support, zero)
        else:
            chosen = _best(support, zero, self.kernel(burst), self.conjugate(burst))
        # Doubt speaks against any change, not for another method.
        doubt = self._predict_support(burst.partition).doubt[burst.receivers, burst.line, burst.start : burst.stop]
        return replace(chosen, error=np.maximum(chosen.error, doubt))

    def calibrated(self, burst: Burst, values: ComplexArray) -> Candidate:
        """Take what a calibration model says, unless that contradicts the best of the measured candidates.

        Where they agree, the mean of both is taken, which err in different places: over 20 runs on files that were
        left out, the image error was 6 % smaller than with the measured candidate, 3 % with the model alone.

        Parameters
        ----------
        values
            Shape ``(receiver, sample)``, receivers as in the burst; NaN where the model does not say.
        """
        measured = self.auto(burst)
        completed = np.where(np.isnan(values), measured.values, values)
        if not (np.abs(completed - measured.values) <= CONSISTENT * measured.error).all():
            return measured
        return Candidate("calibration_model", (completed + measured.values) / 2, measured.error)

    def is_good_enough(self, candidate: Candidate, burst: Burst) -> bool:
        """Tell whether a candidate is about as good as predictions are elsewhere in this partition."""
        usual = self._usual_error(burst.partition)[burst.receivers]
        return candidate.total_error <= GOOD_ENOUGH * float(np.sqrt(np.mean(usual**2)))

    @cached_property
    def _centre(self) -> tuple[int, int, int]:
        return true_centre(np.where(self.around.missing, 0, self.around.data))

    @cached_property
    def _is_centre_sure(self) -> bool:
        """Whether the centre is the same with and without the flagged samples: else nobody's partner is known."""
        return self._centre == true_centre(self.around.data)

    @cached_property
    def _mirrored_kspace(self) -> ComplexArray:
        data = self.around.data.copy()
        for partition in {burst.partition for burst in self._bursts}:
            data[:, partition] = self._predict_support(partition).filled
        return predict_conjugate(data, self._centre)

    def _partners(self, partition: int) -> ComplexArray:
        """Tell what the partners say, zero where there is none, shape ``(coil, ky, kx)``."""
        partners = have_partners(self.around.clean, partition, self._centre)
        return np.where(partners, self._mirrored_kspace[:, partition], 0)

    def _predict_support(self, partition: int) -> SupportPrediction:
        if partition not in self._support:
            around = self.around
            self._support[partition] = predict_from_support(around.data[:, partition], around.missing[:, partition])
        return self._support[partition]

    def _predicted(self, burst: Burst) -> ComplexArray:
        filled = self._predict_support(burst.partition).filled
        return filled[burst.receivers, burst.line, burst.start : burst.stop]

    def _usual_error(self, partition: int) -> FloatArray:
        """Typical error of single samples in a partition, as a complex standard deviation, shape ``(coil,)``."""
        if partition not in self._usual:
            innovation, clean = self._predict_support(partition).innovation, self.around.clean[:, partition]
            medians = [
                quantile(np.abs(values[there]), 0.5) if there.any() else 0.0
                for values, there in zip(innovation, clean, strict=True)
            ]
            self._usual[partition] = np.array(medians) / np.sqrt(np.log(2))
        return self._usual[partition]

    def _rehearse(self, partition: int) -> Rehearsals:
        """Withhold clean places for all loud bursts of a partition at once, and predict them."""
        if partition not in self._rehearsals:
            loud = [burst for burst in self._bursts if burst.partition == partition and self._is_loud(burst)]
            free = np.all(self.around.clean, axis=0)
            limit = WITHHELD // max(sum(burst.length for burst in loud), 1)
            places = {burst: rehearsal_places(burst, free, self._centre, min(PLACES, limit)) for burst in loud}
            held = withhold(self.around, [place for listed in places.values() for place in listed])
            wrong: ComplexArray = np.broadcast_to(np.complex64(0), held.data[:, partition].shape)
            if any(places.values()):
                start = self._predict_support(partition).filled
                rehearsed = predict_from_support(start, held.missing[:, partition])
                expected = np.sqrt(np.where(rehearsed.variance > 0, rehearsed.relative_variance, 1))
                wrong = rehearsed.filled
                wrong -= held.data[:, partition]
                wrong /= expected
            self._rehearsals[partition] = Rehearsals(places, wrong)
        return self._rehearsals[partition]

    def _is_loud(self, burst: Burst) -> bool:
        """Tell whether there is signal to be predicted at a burst."""
        usual = self._usual_error(burst.partition)[burst.receivers, None]
        level = np.maximum(np.abs(self._predicted(burst)), self._nearby_level(burst))
        return bool(np.mean(level**2) > LOUD**2 * np.mean(usual**2))

    def _nearby_level(self, burst: Burst) -> FloatArray:
        return self._nearby_error(self.around.data[burst.receivers, burst.partition], burst)

    def _nearby_error(self, values: ComplexArray, burst: Burst, resolution: ComplexArray | None = None) -> FloatArray:
        """Root mean square over clean places around a burst, in its shape; over the partition if these are few."""
        clean = self.around.clean[burst.receivers, burst.partition]
        error = shape_error(values, clean, burst, NEARBY, resolution)
        if np.isfinite(error).all():
            return error
        return shape_error(values, clean, burst, (clean.shape[1], clean.shape[2]), resolution)


def _best(support: Candidate, *others: Candidate | None) -> Candidate:
    """Choose the candidate with the smallest error.

    All predict the same truth, and of all errors that of the background is the best known: the distance from it,
    beyond what it may get wrong itself, is the fault of the other.
    """
    best = support
    for other in others:
        if other is not None:
            beyond = np.abs(other.values - support.values) - CONSISTENT * support.error
            handicap = 1 if other.method == "zero" else HANDICAP
            candidate = replace(other, error=handicap * np.maximum(other.error, beyond))
            best = min(best, candidate, key=lambda each: each.total_error)
    return best


def _root_mean_square(wrong: Sequence[ComplexArray]) -> FloatArray:
    """Pool errors over places and samples, shape ``(receiver, 1)``; zero where there are none."""
    if not wrong:
        return np.zeros((1, 1))
    return np.asarray(np.sqrt(np.mean(np.abs(np.concatenate(wrong, axis=1)) ** 2, axis=1, keepdims=True)))
