"""Whitening: how much of a sample is not what the receivers' correlations make of signal and noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.local_statistics import quantile, sorted_places, step_through, total_power
from gadgets.process import in_parallel

ENOUGH = 4096
"""Samples of a group from which the receivers' covariance is estimated well enough."""

HIGHEST = 1e8
"""Times what is usual in its group that a sample's energy counts at most."""

LEAST_LEFT = 0.1
"""Share of a receiver's energy that has to be left for a sum to be told from the whole by subtraction: it loses one of
the seven digits of single precision then."""

BLOCK = 4096
"""Samples that are whitened at a time: they stay in the cache, and no second array of the plane's size is made."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """What is usual for the samples of a plane, group by group.

    Attributes
    ----------
    group
        Of each sample, shape ``(line x sample,)``.
    factors
        Of each group: turns samples over their level into ones without correlation, shape ``(coil, coil)``.
    usual
        Median energy of each group after that.
    """

    group: NDArray[np.uint8]
    factors: Sequence[ComplexArray]
    usual: Sequence[float]

    def at(self, places: IntArray, values: ComplexArray, levels: FloatArray) -> FloatArray:
        """Whiten samples ``(coil, place)`` with their levels as :func:`whiten` does; shape ``(place,)``."""
        energy, groups = np.empty(len(places), np.float32), self.group[places]
        for number in np.unique(groups):
            here = groups == number
            energy[here] = _distance(self.factors[number], np.ascontiguousarray(values[:, here]))
            energy[here] = np.sqrt(np.minimum(energy[here] / levels[here] ** 2 / self.usual[number], HIGHEST))
        return energy


def whitened_energy(values: ComplexArray, level: FloatArray | None = None) -> FloatArray:
    """Give the energy of each sample alone: see :func:`whiten`."""
    return whiten(values, level)[0]


def whiten(values: ComplexArray, level: FloatArray | None = None) -> tuple[FloatArray, Whitening]:
    """Energy of each sample in units of what its like have, over all receivers and their correlations.

    Samples are grouped by local level; each group has its own receiver covariance (estimated without its largest
    3 %, so that sparks do not hide themselves), and a sample's energy is its Mahalanobis distance. Signal lies in
    the few directions that the receivers' sensitivities span; a spark has gains of its own and leaves them.

    Parameters
    ----------
    values
        Shape ``(coil, line, sample)``.
    level
        Local level, shape ``(line, sample)``; None where all samples are alike and form one group.

    Returns
    -------
    tuple
        Square root of the energy over its median in the group, shape ``(line, sample)``; and what was usual.
    """
    n_coils, *shape = values.shape
    members = values.reshape(n_coils, -1)
    group = np.zeros(members.shape[1], np.uint8)
    if level is None:
        some = np.ascontiguousarray(members[:, :: step_through(members.shape[1], ENOUGH)])
        factor = _robust_whitening(some)
        energy = _distance(factor, members)
        usual = _usual(energy)
        return _relative(energy, usual).reshape(shape), Whitening(group, [factor], [usual])
    levels = level.ravel().astype(np.float32)
    order = sorted_places(levels)
    # Several samples for each receiver at least: from fewer a covariance fits the very samples it is to judge.
    groups = [order[each] for each in _groups(order.size, 6 * n_coils + 30)]
    factors = in_parallel(partial(_whitening_of, members, levels), groups)
    # Most samples are in the last, quietest group: its whitening goes over all as they lie, and only those of the
    # other groups are collected.
    energy = _distance(factors[-1], members)
    for factor, each in zip(factors[:-1], groups[:-1], strict=True):
        here = np.sort(each)
        energy[here] = _distance(factor, np.take(members, here, axis=1))
    energy /= levels**2  # each whitening was made for samples over their level
    usuals = []
    for number, each in enumerate(groups):
        usuals.append(_usual(energy[each]))
        energy[each] = _relative(energy[each], usuals[-1])
        group[each] = number
    return energy.reshape(shape), Whitening(group, factors, usuals)


def _whitening_of(members: ComplexArray, levels: FloatArray, group: NDArray[np.intp]) -> ComplexArray:
    some = group[:: step_through(group.size, ENOUGH)]
    # Over their levels: else the loudest of a group would decide its covariance.
    return _robust_whitening(np.take(members, some, axis=1) * (1 / levels[some]))


def _groups(n_samples: int, smallest: int) -> Iterator[slice]:
    """Cut samples, sorted by level, into groups: the loudest few apart, each next group three times larger."""
    end, size = n_samples, max(smallest, n_samples // 400)
    while end > 2 * size + smallest:
        yield slice(end - size, end)
        end, size = end - size, 3 * size
    yield slice(0, end)


def _robust_whitening(members: ComplexArray) -> ComplexArray:
    """Whiten by the covariance of all but the largest 3 % of the samples of a group, ``(coil, sample)``."""
    whole = _products(members)
    products, n_kept = whole, members.shape[1]
    for _ in range(2):  # the first covariance still holds the sparks, and may hide some of them
        distance = _distance(_whitening(products, n_kept), members)
        is_kept = distance <= quantile(distance, 0.97)
        n_kept = int(np.count_nonzero(is_kept))
        products = _products_without(whole, members, is_kept)
    return _whitening(products, n_kept)


def _products(members: ComplexArray) -> ComplexArray:
    """Sum up the products of the receivers, conjugate, over samples ``(coil, sample)``; one triangle is filled."""
    if not members.shape[1]:
        # BLAS complains of an empty array, on standard output, which may be the result for a machine.
        return np.zeros((len(members), len(members)), np.complex64, "F")
    products: ComplexArray = blas.cherk(1.0, members.T, trans=2)
    return products


def _products_without(whole: ComplexArray, members: ComplexArray, is_kept: BoolArray) -> ComplexArray:
    """Do as :func:`_products` for those that are kept, `whole` being that of all."""
    # Those left out are few: what they add to the sum costs less than what all others do.
    products: ComplexArray = whole - _products(np.take(members, np.flatnonzero(~is_kept), axis=1))
    if (products.diagonal().real >= LEAST_LEFT * whole.diagonal().real).all():
        return products
    # Sparks outweigh the rest, and their difference would be but rounding errors.
    return _products(np.take(members, np.flatnonzero(is_kept), axis=1))


def _distance(whitening: ComplexArray, members: ComplexArray) -> FloatArray:
    """Squared Mahalanobis distance of each sample; shape ``(sample,)``."""
    distance = np.empty(members.shape[1], dtype=np.float32)

    def write(start: int) -> None:
        block = members[:, start : start + BLOCK]
        distance[start : start + BLOCK] = total_power(whitening @ block)

    in_parallel(write, range(0, members.shape[1], BLOCK))
    return distance


def _usual(energy: FloatArray) -> float:
    """Give the median energy of a group, never zero."""
    if not np.isfinite(np.mean(energy)):
        # Where all others are predicted exactly, the energy of a false one may be beyond single precision.
        energy = energy[energy < np.sqrt(np.finfo(energy.dtype).max)]
        return _usual(energy) if energy.size else 1.0
    return max(float(quantile(energy, 0.5)), 1e-6 * float(np.mean(energy)), 1e-20)


def _relative(energy: FloatArray, usual: float) -> FloatArray:
    """Square root of the energy over what is usual in the group."""
    return np.asarray(np.sqrt(np.minimum(energy / usual, HIGHEST)))


def _whitening(products: ComplexArray, n_samples: int) -> ComplexArray:
    """Inverse Cholesky factor of the receivers' covariance, shape ``(coil, coil)``; see :func:`_products`.

    Raises
    ------
    LinAlgError
        There is no such factor: a sample is not a finite number.
    """
    n_coils = len(products)
    covariance = np.asfortranarray(products * np.float32(1 / max(n_samples, 1)))
    diagonal = np.diag_indices(n_coils)
    # Silent receivers, and those that repeat others, would leave no inverse.
    covariance[diagonal] += np.float32(1e-4 * np.trace(covariance).real / n_coils + 1e-20)
    # LAPACK without NumPy's checks takes a third of the time.
    factor, failed = lapack.cpotrf(covariance, overwrite_a=True)
    if failed:
        raise np.linalg.LinAlgError(f"expected a covariance with a Cholesky factor, found none of order {failed}")
    inverse, _ = lapack.ctrtri(factor, overwrite_c=True)
    return np.asarray(inverse.T)  # the transpose of the conjugate covariance's factor whitens
