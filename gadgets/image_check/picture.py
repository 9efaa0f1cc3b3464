"""The image that is checked for artifacts: what was not sampled is filled as far as conjugate symmetry reaches.

Source document: a k-space that is fully sampled is transformed as it is; else the part that was not sampled is filled
from the part that is conjugate to it, and what is then left is zero (claim 10, FIG. 4).
"""

from __future__ import annotations

import numpy as np

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.image import Matrix, Placement, on_matrix, place_on_matrix, root_sum_of_squares
from gadgets.kspace import KSpace, predict_conjugate, true_centre, without_non_finite

CENTRE_REACH = 4
"""Samples by which the echo's peak may lie off the place that the sequence means it to have; a loud spark farther out
is no centre."""


def image_to_check(kspace: KSpace) -> FloatArray:
    """Reconstruct the magnitude image of a k-space for the image check.

    The matrix reaches equally far on both sides of the centre, so that the partner of every sample has a place. Nothing
    is cropped: the borders that readout oversampling adds show stripes best.

    Parameters
    ----------
    kspace
        As acquired; samples that are not finite count as not sampled.

    Returns
    -------
        Shape ``(z, y, x)``, in the units of the samples.
    """
    kspace, _ = without_non_finite(kspace)
    where = place_on_matrix(kspace, _symmetric_matrix(kspace))
    sampled = on_matrix(kspace.sampled, kspace, where)
    centre = _centre_of(kspace, where)
    # Nothing that was sampled is replaced, spark or not: it is what the check is to see.
    fillable = ~sampled & _have_sampled_partners(sampled, centre)
    # Receivers are placed and filled one at a time, as they are summed up: no second k-space is held.
    receivers = (on_matrix(samples, kspace, where) for samples in kspace.data.astype(np.complex64, copy=False))
    if fillable.any():
        receivers = (_filled(samples, fillable, centre) for samples in receivers)
    return root_sum_of_squares(receivers, where.matrix)


def _symmetric_matrix(kspace: KSpace) -> Matrix:
    """Give the smallest matrix that holds what was acquired with the centre at half its length."""
    acquired = kspace.sampled
    lengths = []
    for axis, centre in enumerate(kspace.centre):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(acquired.any(axis=others))
        first, last = (int(places[0]), int(places[-1])) if places.size else (centre, centre)
        lengths.append(1 if first == last else 2 * max(centre - first, last + 1 - centre))  # one place: no other side
    return lengths[0], lengths[1], lengths[2]


def _centre_of(kspace: KSpace, where: Placement) -> Matrix:
    """Find the centre of symmetry on the matrix: the echo's peak, if it is near where it should be."""
    planned = [length // 2 for length in where.matrix]
    near = []
    for middle, length in zip(planned, where.matrix, strict=True):
        near.append(slice(max(middle - CENTRE_REACH, 0), min(middle + CENTRE_REACH + 1, length)))
    around = np.stack([on_matrix(samples, kspace, where)[tuple(near)] for samples in kspace.data])
    if not around.any():
        return planned[0], planned[1], planned[2]
    partition, line, sample = (place + here.start for place, here in zip(true_centre(around), near, strict=True))
    return partition, line, sample


def _have_sampled_partners(sampled: BoolArray, centre: Matrix) -> BoolArray:
    """Tell for each place of the matrix whether its partner on the other side of the centre was sampled."""
    mirrored = sampled
    for axis, (middle, length) in enumerate(zip(centre, sampled.shape, strict=True)):
        there = 2 * middle - np.arange(length)
        is_inside = (there >= 0) & (there < length)
        # Where there is no partner any place will do: the next line rules it out.
        mirrored = np.take(mirrored, np.where(is_inside, there, 0), axis)
        mirrored &= is_inside.reshape([-1 if a == axis else 1 for a in range(sampled.ndim)])  # a copy since np.take
    return mirrored


def _filled(samples: ComplexArray, fillable: BoolArray, centre: Matrix) -> ComplexArray:
    return np.where(fillable, predict_conjugate([samples], (1, *samples.shape), centre)[0], samples)
