"""Candidates for the repair of a burst: each says what the samples should be, and how wrong it is nearby.

The error of a candidate is measured, not assumed: the same prediction is made for clean samples around the burst,
in its shape, and compared with what was recorded there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gadgets.bursts import Burst, Surroundings
from gadgets.conjugate import has_partner, predict_conjugate, true_centre
from gadgets.image_support import SupportPrediction, predict_from_support
from gadgets.interpolation import predict_burst
from gadgets.kspace import BoolArray, ComplexArray, FloatArray
from gadgets.records import RepairMethod

NEARBY = (3, 4)  # lines, samples on either side of a burst
FEWEST_SHAPES = 6
KERNEL_ADVANTAGE = 0.5  # a kernel fits the places that it is measured on a little too well
GOOD_ENOUGH = 2.0  # times the plane's usual error: no other candidate is then worth its time


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a method says about a burst.

    Attributes
    ----------
    values
        Shape ``(receiver, sample)``, receivers as in the burst.
    error
        Root mean square error of the method on clean samples nearby, same shape; infinite where unknown.
    """

    method: RepairMethod
    values: ComplexArray
    error: FloatArray


class Predictor:
    """Makes candidates for the bursts of one k-space; what several bursts need is computed once.

    Parameters
    ----------
    around
        The k-space with all flagged samples marked.
    """

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self._support: dict[int, SupportPrediction] = {}
        self._usual_error: dict[int, FloatArray] = {}
        self._conjugate: ComplexArray | None = None
        self._centre: tuple[int, int, int] = (0, 0, 0)

    def zero(self, burst: Burst) -> Candidate:
        """Put zero: as good as anything where there is only noise."""
        values = np.zeros((len(burst.receivers), burst.length), self.around.data.dtype)
        recorded = self.around.data[burst.receivers, burst.partition]
        return Candidate("zero", values, self._nearby_error(recorded, burst))

    def conjugate(self, burst: Burst) -> Candidate | None:
        """Take the partners on the other side of the centre; None where one is missing."""
        if self._conjugate is None:
            self._centre = true_centre(np.where(self.around.missing, 0, self.around.data))
            self._conjugate = predict_conjugate(self.around.data, self.around.missing, self._centre)
        places = [(burst.partition, burst.line, sample) for sample in range(burst.start, burst.stop)]
        partners = [has_partner(self.around.clean, place, self._centre)[burst.receivers] for place in places]
        if not np.all(partners):
            return None
        wrong = (self.around.data - self._conjugate)[burst.receivers, burst.partition]
        values = burst.of(self._conjugate)
        return Candidate("conjugate", values, self._nearby_error(wrong, burst))

    def support(self, burst: Burst) -> Candidate:
        """Interpolate over the whole partition, by the background of the image."""
        prediction = self._predict_support(burst.partition)
        values = prediction.filled[burst.receivers, burst.line, burst.start : burst.stop]
        weighted = prediction.weighted[burst.receivers]
        resolution = prediction.burst_resolution(burst.length)
        error = self._nearby_error(weighted, burst, resolution)
        # The places nearby miss this burst's shape alone, the burst itself also misses what else is flagged.
        variance = prediction.variance[burst.receivers, burst.line, burst.start : burst.stop]
        error = error * np.sqrt(np.maximum(variance / np.diag(resolution).real, 1))
        doubt = prediction.doubt[burst.receivers, burst.line, burst.start : burst.stop]
        return Candidate("interpolation", values, np.hypot(error, doubt))

    def kernel(self, burst: Burst) -> Candidate | None:
        """Interpolate from the neighbours, over all receivers; None where too few places have their pattern."""
        prediction = predict_burst(self.around, burst)
        return prediction and Candidate("interpolation", prediction.values, prediction.error)

    def is_good_enough(self, candidate: Candidate, burst: Burst) -> bool:
        """Tell whether a candidate is about as good as predictions are elsewhere in this partition."""
        usual = self._usual_errors(burst.partition)[burst.receivers, None]
        return bool(np.mean(candidate.error**2) <= GOOD_ENOUGH**2 * np.mean(usual**2))

    def interpolation(self, burst: Burst) -> Candidate:
        """Interpolate by the background or by the neighbours, whichever is measured better."""
        support = self.support(burst)
        if self.is_good_enough(support, burst):
            return support
        kernel = self.kernel(burst)
        if kernel is None or np.sum(kernel.error**2) > KERNEL_ADVANTAGE**2 * np.sum(support.error**2):
            return support
        return kernel

    def auto(self, burst: Burst) -> Candidate:
        """Take the candidate that is measured best here."""
        candidates = [self.zero(burst), self.interpolation(burst)]
        if not self.is_good_enough(best(candidates), burst):
            conjugate = self.conjugate(burst)
            candidates += [conjugate] if conjugate else []
        return best(candidates)

    def _predict_support(self, partition: int) -> SupportPrediction:
        if partition not in self._support:
            around = self.around
            self._support[partition] = predict_from_support(around.data[:, partition], around.missing[:, partition])
        return self._support[partition]

    def _usual_errors(self, partition: int) -> FloatArray:
        """Typical error of single samples in a partition, shape ``(coil,)``."""
        if partition not in self._usual_error:
            innovation = np.abs(self._predict_support(partition).innovation)
            clean = self.around.clean[:, partition]
            medians = [float(np.median(values[mask])) if mask.any() else 0.0
                       for values, mask in zip(innovation, clean, strict=True)]  # fmt: skip
            self._usual_error[partition] = np.array(medians) / np.sqrt(np.log(2))
        return self._usual_error[partition]

    def _nearby_error(self, values: ComplexArray, burst: Burst, resolution: ComplexArray | None = None) -> FloatArray:
        """Root mean square over clean places around a burst, taken in its shape; see :func:`shape_error`."""
        clean = self.around.clean[burst.receivers, burst.partition]
        error = shape_error(values, clean, burst, NEARBY, resolution)
        if np.isfinite(error).all():
            return error
        return shape_error(values, clean, burst, clean.shape[1:], resolution)


def best(candidates: list[Candidate]) -> Candidate:
    """Choose the candidate with the smallest measured error."""
    return min(candidates, key=lambda candidate: float(np.sum(candidate.error**2)))


def shape_error(
    values: ComplexArray,
    clean: BoolArray,
    burst: Burst,
    reach: tuple[int, ...],
    resolution: ComplexArray | None = None,
) -> FloatArray:
    """Measure errors in the shape of a burst at clean places around it.

    Parameters
    ----------
    values
        Errors of one partition, or what `resolution` turns into errors, shape ``(receiver, ky, kx)``.
    clean
        Samples that count, same shape.
    burst
        Its length is the shape, its place the middle.
    reach
        Lines and samples to go on either side.
    resolution
        Matrix ``(sample, sample)`` that turns consecutive `values` into errors.

    Returns
    -------
    FloatArray
        Root mean square, shape ``(receiver, sample)``; infinite for a receiver with too few clean places.
    """
    n_lines, n_samples = values.shape[1:]
    lines = slice(max(0, burst.line - reach[0]), min(n_lines, burst.line + reach[0] + 1))
    samples = slice(max(0, burst.start - reach[1] - burst.length), min(n_samples, burst.stop + reach[1] + burst.length))
    shapes = sliding_window_view(values[:, lines, samples], burst.length, axis=-1)
    whole = sliding_window_view(clean[:, lines, samples], burst.length, axis=-1).all(axis=-1)
    errors = shapes if resolution is None else shapes @ resolution.T
    energy = np.where(whole[..., None], np.abs(errors) ** 2, 0).sum(axis=(1, 2))
    count = whole.sum(axis=(1, 2))[:, None]
    enough = np.broadcast_to(count >= FEWEST_SHAPES, energy.shape)
    return np.sqrt(np.divide(energy, count, out=np.full(energy.shape, np.inf), where=enough))
