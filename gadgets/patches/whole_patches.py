"""Whole patches: calibrated target patches put back in their places in k-space.

Source document: the calibrated target patches are filled into their corresponding positions. That also changes samples
that nobody called abnormal, and so is done only on request, only to patches in which a point was confirmed, and not in
the centre of k-space. Samples that are not finite stand for what is to stay as it was acquired.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gadgets.arrays import ComplexArray, IntArray
from gadgets.errors import RawDataError
from gadgets.kspace import KSpace, Plane, planes_of
from gadgets.patches.division import together
from gadgets.records import Point, TargetPatch


@dataclass(frozen=True, eq=False)
class _Row:
    """The acquired samples of one line of a patch: their places in k-space, and in the patch."""

    partition: int
    line: int
    samples: IntArray
    inside: tuple[int, int, IntArray]


def pack(samples: ComplexArray) -> str:
    """Write the samples of a patch, shape ``(coil, plane, line, sample)``, as a record holds them."""
    # Records travel as JSON, which has neither bytes nor NaN, and what was not to be changed is NaN here.
    return base64.b64encode(np.ascontiguousarray(samples, dtype=np.complex64).tobytes()).decode("ascii")


def unpack(patch: TargetPatch, n_coils: int) -> ComplexArray:
    """Read the samples of a patch, shape ``(coil, plane, line, sample)``.

    Raises
    ------
    RawDataError
        They are not as many as the patch and the receivers have.
    """
    content = base64.b64decode(patch.samples)
    expected = n_coils * int(np.prod(patch.shape)) * np.dtype(np.complex64).itemsize
    if len(content) != expected:
        raise RawDataError(
            f"expected {expected} bytes of samples for {n_coils} receivers in the patch at {patch.anchor}, "
            f"found {len(content)}"
        )
    return np.frombuffer(content, dtype=np.complex64).reshape(n_coils, *patch.shape)


def write_patches(
    kspace: KSpace, patches: Sequence[TargetPatch], points: Sequence[Point]
) -> tuple[ComplexArray, tuple[tuple[int, int, int], ...]]:
    """Put calibrated patches in their places, in all receivers; what was not acquired stays as it is.

    Parameters
    ----------
    kspace
        As acquired; not modified.
    patches
        Those without samples, and those in which none of the points lies, change nothing. Where patches overlap, the
        last one stays.
    points
        The confirmed points.

    Returns
    -------
    tuple
        Samples, shape ``(coil, kz, ky, kx)``, and the anchors of the patches that were put in.

    Raises
    ------
    RawDataError
        A patch does not fit the k-space.
    """
    data = kspace.data.copy()
    places = {point.place for point in points}
    written = []
    # Every partition, also one with few lines: which of them were judged depends on the shape of the patches.
    planes = list(planes_of(kspace, fewest_lines=1)) if any(patch.samples for patch in patches) else []
    for patch in patches:
        rows = list(_rows(patch, planes)) if patch.samples else []
        # A model changes samples that nobody else doubts: without a confirmed point there is no second opinion on it.
        if any((row.partition, row.line, int(sample)) in places for row in rows for sample in row.samples):
            content = unpack(patch, kspace.n_coils)
            for row in rows:
                values = content[(slice(None), *row.inside)]
                where = np.s_[:, row.partition, row.line, row.samples]
                # Not finite stands for as acquired, see above.
                data[where] = np.where(np.isfinite(values), values, data[where])
            written.append(patch.anchor)
    return data, tuple(written)


def _rows(patch: TargetPatch, planes: Sequence[Plane]) -> Iterator[_Row]:
    """Find the acquired samples of a patch, as detection found them: lines that were not acquired leave no gap."""
    partition, line, sample = patch.anchor
    groups = together(planes, "cuboid" if patch.shape[0] > 1 else "rectangle")
    group = next((group for group in groups if any(plane.partition == partition for plane in group)), [])
    first = next((number for number, plane in enumerate(group) if plane.partition == partition), 0)
    # A plane stacks the acquired lines only, so a line of the k-space is looked up among them.
    top = int(np.searchsorted(group[first].lines, line)) if group else 0
    if not group or top == len(group[first].lines) or group[first].lines[top] != line:
        raise RawDataError(f"expected a patch that begins at an acquired line, found one at {patch.anchor}")
    left = (_turned(group[first], top, np.array([sample])) - group[first].first_sample)[0]
    for depth, plane in enumerate(group[first : first + patch.shape[0]]):
        for row in range(min(patch.shape[1], len(plane.lines) - top)):
            acquired = np.flatnonzero(plane.valid[top + row, left : left + patch.shape[2]])
            samples = _turned(plane, top + row, acquired + left + plane.first_sample)
            yield _Row(plane.partition, int(plane.lines[top + row]), samples, (depth, row, acquired))


def _turned(plane: Plane, row: int, samples: IntArray) -> IntArray:
    """Turn samples as acquired into those of the plane, or back."""
    return plane.n_samples - 1 - samples if plane.reversed_lines[row] else samples
