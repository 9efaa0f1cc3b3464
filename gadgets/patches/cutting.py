"""Cuts any array into patches of equal size: segments, rectangles or cuboids.

Source document: 426 x 1024 samples give 448 patches of 32 x 32; the last row is moved inwards, so that it overlaps
its neighbour (FIG. 6). Here the last column and partition are moved likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gadgets.arrays import IntArray

ScalarT = TypeVar("ScalarT", bound=np.generic)


def divide(shape: Sequence[int], patch: Sequence[int], overlap: int = 0) -> IntArray:
    """Give the anchors (first samples) of the patches that cover an array.

    Parameters
    ----------
    shape
        Of the array to be divided.
    patch
        Of one patch, as many axes as `shape`. An axis shorter than the patch has one patch, which reaches beyond it.
    overlap
        Samples that neighbouring patches share along every axis that has more than one sample of a patch.

    Returns
    -------
    IntArray
        Shape ``(n_patches, n_axes)``, in the order of the array's memory.

    Raises
    ------
    ValueError
        The axes do not match, or the overlap leaves no step.
    """
    if len(shape) != len(patch):
        raise ValueError(
            f"expected a patch of {len(shape)} axes for an array of shape {tuple(shape)}, got {tuple(patch)}"
        )
    if overlap >= min((size for size in patch if size > 1), default=1):
        raise ValueError(f"expected an overlap smaller than the patch {tuple(patch)}, got {overlap}")
    axes = []
    for n_samples, size in zip(shape, patch, strict=True):
        last = max(n_samples - size, 0)
        # An axis along which a patch has one sample (the planes of a rectangle) cannot overlap.
        starts = list(range(0, last + 1, size - overlap if size > 1 else 1))
        # Moved inwards, not filled up: what is filled up would show the models a border that is not there.
        axes.append(starts if starts[-1] == last else [*starts, last])
    return np.array(list(product(*axes)), dtype=np.int_).reshape(-1, len(shape))


def cut(values: NDArray[ScalarT], anchors: IntArray, patch: Sequence[int]) -> NDArray[ScalarT]:
    """Cut patches out of the last axes of an array.

    Parameters
    ----------
    values
        Shape ``(…, *shape)``; axes shorter than the patch are continued with their border values.
    anchors
        From :func:`divide`, shape ``(n_patches, n_axes)``.

    Returns
    -------
    NDArray
        Shape ``(n_patches, …, *patch)``.
    """
    values = _long_enough(values, patch)
    patches = np.empty((len(anchors), *values.shape[: -len(patch)], *patch), values.dtype)
    for content, anchor in zip(patches, anchors, strict=True):
        content[...] = values[_window(anchor, patch)]
    return patches


def _long_enough(values: NDArray[ScalarT], patch: Sequence[int]) -> NDArray[ScalarT]:
    """Continue axes that are shorter than a patch with their border values."""
    n_axes = len(patch)
    missing = [max(size - n, 0) for size, n in zip(patch, values.shape[-n_axes:], strict=True)]
    if any(missing):
        # Only where the array itself is shorter than a patch. Zeros would make an edge of their own.
        values = np.pad(values, [(0, 0)] * (values.ndim - n_axes) + [(0, n) for n in missing], mode="edge")
    return values


class CutLater:
    """Patches that are cut when somebody asks for them; all at once they take as much memory as what is cut.

    Parameters
    ----------
    values, patch
        As in :func:`cut`.
    anchors
        Shape ``(…, n_axes)``: of patches, or of sets of patches.
    """

    def __init__(self, values: NDArray[np.float32], anchors: IntArray, patch: Sequence[int]) -> None:
        self._values = _long_enough(values, patch)
        self._anchors = anchors
        self._patch = tuple(patch)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that they make."""
        return (*self._anchors.shape[:-1], *self._values.shape[: -len(self._patch)], *self._patch)

    def __getitem__(self, numbers: Any) -> CutLater:  # noqa: ANN401 - the type of an index has no name
        return CutLater(self._values, self._anchors[numbers], self._patch)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Cut them; ``copy`` says nothing, as there is nothing yet that could be shared."""
        patches = cut(self._values, self._anchors.reshape(-1, len(self._patch)), self._patch)
        return patches.reshape(self.shape).astype(dtype or patches.dtype, copy=False)


def place(patches: NDArray[np.generic], anchors: IntArray, values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Put patches back where they were cut, into a copy of `values`; where they overlap, the last one wins."""
    placed = values.copy()
    patch = patches.shape[-anchors.shape[1] :]
    for anchor, content in zip(anchors, patches, strict=True):
        # Of a patch that reaches beyond the array only what lies inside counts.
        target = placed[_window(anchor, patch)]
        target[...] = content[_window(np.zeros_like(anchor), target.shape[-len(patch) :])]
    return placed


def _window(anchor: IntArray, patch: Sequence[int]) -> Any:  # noqa: ANN401 - the type of an index has no name
    """Index of a patch in the last axes of an array."""
    return (..., *(slice(int(start), int(start) + size) for start, size in zip(anchor, patch, strict=True)))


def relative_positions(
    anchors: IntArray, patch: Sequence[int], centre: Sequence[int], shape: Sequence[int]
) -> NDArray[np.float32]:
    """Say where patches lie in k-space: their middle relative to the centre, and their distance from it.

    Returns
    -------
    NDArray
        Shape ``(n_patches, n_axes + 2)``: position along each axis (-1 to 1 at the further border), distance of the
        middle, and distance of the nearest sample. The models encode it.
    """
    # The further border, so that 1 is reached on one side only; at least 1, as an axis may have a single sample.
    reach = np.array([max(c, n - 1 - c, 1) for c, n in zip(centre, shape, strict=True)], dtype=np.float32)
    start = anchors - np.array(centre)
    middle = (start + (np.array(patch) - 1) / 2) / reach
    # Zero along an axis on which the patch holds the centre.
    nearest = np.maximum(np.maximum(start, -(start + np.array(patch) - 1)), 0) / reach
    # Both distances: a patch with its middle far out may still reach into the centre, and is judged as part of it.
    norms = [np.linalg.norm(offset, axis=1, keepdims=True) for offset in (middle, nearest)]
    return np.concatenate([middle, *norms], axis=1).astype(np.float32)
