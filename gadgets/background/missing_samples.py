"""Missing samples of one partition: between their values and the image, and the linear system that they solve."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import blas, lapack

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import power
from gadgets.process import check_time

FEW = 36  # samples up to which products with their waves take less time than whole transforms
DIRECT_LIMIT = 512  # unknowns per receiver above which the system is solved by conjugate gradients


Factor: TypeAlias = NDArray[np.complex128]
"""Cholesky factor of a system of missing samples, shape ``(sample, sample)``."""


class MissingSamples:
    """Receivers that miss the same samples.

    Parameters
    ----------
    coils
        The receivers.
    places
        Line and sample of each missing sample, shape ``(sample, 2)``.
    shape
        Lines and samples of the partition.
    """

    def __init__(self, coils: IntArray, places: IntArray, shape: tuple[int, int]) -> None:
        self.coils = coils
        self._places = places
        self._shape = shape

    @property
    def index(self) -> Any:  # noqa: ANN401 - the type of an index has no name
        """Index of the missing samples in ``(coil, ky, kx)``, which gives ``(coil, sample)``."""
        ky, kx = self._places.T
        return self.coils[:, None], ky, kx

    def add_to(self, images: ComplexArray, values: ComplexArray) -> None:
        """Add these samples, ``(coil, sample)``, to the images of all receivers ``(coil, y, x)``, in place."""
        if not len(self._places):
            return
        ky, kx = self._places.T
        for coil, samples in zip(self.coils, values, strict=True):
            if len(self._places) <= FEW:
                # A wave is one across the lines times one along the samples: a single product adds them all. It is
                # written as BLAS sees it, transposed, and needs no array of its own.
                across_lines, along_samples = self._waves
                blas.cgemm(1.0, along_samples.T, (across_lines * samples).T, 1.0, images[coil].T, overwrite_c=True)
            else:
                grid = np.zeros(self._shape, np.complex64)
                grid[ky, kx] = samples
                images[coil] += fft.fft2(grid, overwrite_x=True)

    def samples_of(self, images: ComplexArray, precision: FloatArray) -> ComplexArray:
        """Give these samples, ``(coil, sample)``, of a partition with the images ``(coil, y, x)`` times `precision`.

        One receiver at a time: what all of them take together is what limits a node.
        """
        samples = np.empty((len(self.coils), len(self._places)), np.complex64)
        if len(self._places) <= FEW:
            across_lines, along_samples = (waves.conj() for waves in self._waves)
            for row, coil in zip(samples, self.coils, strict=True):
                partly = (precision * images[coil]) @ along_samples.T
                # Over the lines y of the image, for each sample s by itself: the products of unlike samples are not
                # wanted.
                row[:] = np.einsum("ys,ys->s", partly, across_lines) / precision.size
        else:
            ky, kx = self._places.T
            for row, coil in zip(samples, self.coils, strict=True):
                row[:] = fft.ifft2(precision * images[coil], overwrite_x=True)[ky, kx]
        return samples

    def solve(
        self, correlation: NDArray[np.complex128], right: ComplexArray, precision: FloatArray
    ) -> tuple[ComplexArray, Factor | None]:
        """Solve the system of the missing samples.

        Returns
        -------
        tuple
            The solution, shape ``(coil, sample)`` as `right`; and what :meth:`uncertainty` follows from, None where the
            system is too large for that.

        Raises
        ------
        LinAlgError
            The system has no Cholesky factor: a sample is not a finite number.
        """
        if len(self._places) > DIRECT_LIMIT:
            return _solve_iteratively(self._places, right.T, precision).T, None
        matrix = correlation[self._distances]
        # The smallest of ridges keeps long bursts in smooth data from losing all digits.
        matrix[np.diag_indices(len(matrix))] *= 1 + 1e-9
        factor, failed = lapack.zpotrf(matrix, lower=True)
        if failed:
            raise np.linalg.LinAlgError(f"expected a system with a Cholesky factor, found none of order {failed}")
        return np.asarray(lapack.zpotrs(factor, right.T, lower=True)[0].T), factor

    def uncertainty(self, factor: Factor | None) -> FloatArray:
        """Give the diagonal of the system's inverse, shape ``(sample,)``; zero stands for not known."""
        if factor is None:  # it would take a solution for each sample
            return np.zeros(len(self._places))
        # Only where it is asked for: the inverse takes several times as long as a solution.
        return np.asarray(np.diag(lapack.zpotri(factor, lower=True)[0]).real)

    @cached_property
    def _distances(self) -> tuple[IntArray, IntArray]:
        """Distances of all samples from each other, along the lines and across, each of shape ``(sample, sample)``."""
        # Transforms repeat beyond their borders: negative distances count from the other end.
        return tuple((axis[:, None] - axis) % n for axis, n in zip(self._places.T, self._shape, strict=True))

    @cached_property
    def _waves(self) -> tuple[ComplexArray, ComplexArray]:
        """Waves of the samples in the image: shapes ``(y, sample)`` and ``(sample, x)``."""
        (ky, kx), (n_lines, n_samples) = self._places.T, self._shape
        across = np.outer(np.arange(n_lines), ky) % n_lines / n_lines
        along = np.outer(kx, np.arange(n_samples)) % n_samples / n_samples
        return np.exp(-2j * np.pi * across).astype(np.complex64), np.exp(-2j * np.pi * along).astype(np.complex64)


def missing_samples(missing: BoolArray) -> list[MissingSamples]:
    """Group receivers that miss the same samples, shape ``(coil, ky, kx)``, so that their system is solved once."""
    groups: dict[bytes, list[int]] = {}
    n_lines, n_samples = missing.shape[1:]
    # Numbers of a flat mask are found in a tenth of the time that places take.
    numbers = [np.flatnonzero(mask) for mask in missing]
    for coil, those in enumerate(numbers):
        if len(those):
            groups.setdefault(those.tobytes(), []).append(coil)
    places = [np.stack(np.divmod(numbers[coils[0]], n_samples), axis=1) for coils in groups.values()]
    return [
        MissingSamples(np.array(coils), there, (n_lines, n_samples))
        for coils, there in zip(groups.values(), places, strict=True)
    ]


def _solve_iteratively(place: IntArray, right: ComplexArray, precision: FloatArray) -> ComplexArray:
    """Conjugate gradients: the system's product is a weighting in the image."""
    ky, kx = place.T
    grid = np.zeros((right.shape[1], *precision.shape), np.complex64)
    solution = np.zeros_like(right)
    residual = right.copy()
    direction = residual.copy()
    energy = np.sum(power(residual), axis=0)
    target = 1e-8 * energy  # an energy: residuals have come down to 1e-4 of their size
    # Bounds the time: what has not come to rest by then is taken as it is.
    for _ in range(30):
        check_time()
        grid[:, ky, kx] = direction.T
        # All weights are positive, so the system is positive definite, as conjugate gradients need it.
        product = fft.ifft2(precision * fft.fft2(grid))[:, ky, kx].T
        curvature = np.sum(direction.conj() * product, axis=0).real
        # A receiver that is silent, or solved before the others, has no direction left: no division by zero.
        length = np.divide(energy, curvature, out=np.zeros_like(energy), where=curvature > 0)
        solution += length * direction
        residual -= length * product
        previous, energy = energy, np.sum(power(residual), axis=0)
        if np.all(energy <= target):
            break
        direction = residual + np.divide(energy, previous, out=np.zeros_like(energy), where=previous > 0) * direction
    return solution
