"""From an array that somebody has in Python to a k-space: checked first, since nothing else describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gadgets.arrays import BoolArray
from gadgets.errors import ArrayError
from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace
from gadgets.outside import quoted

AXES = {3: "(coil, ky, kx)", 4: "(coil, kz, ky, kx)"}


def kspace_of(
    kspace: ArrayLike,
    sampled: ArrayLike | None = None,
    centre: Sequence[int] | None = None,
    reversed_lines: ArrayLike | None = None,
    *,
    is_gridded: bool = True,
) -> KSpace:
    """Check an array, and what is said of it, and give the k-space that the method works on.

    Parameters
    ----------
    kspace
        Complex samples, shape ``(coil, ky, kx)`` or ``(coil, kz, ky, kx)``.
    sampled
        Which samples were acquired, shape ``(ky, kx)`` or ``(kz, ky, kx)``; None: all that are not zero in every
        receiver.
    centre
        Index of the k-space centre along each axis but the first; None: the middle.
    reversed_lines
        Readouts that were acquired from right to left and are stored so, shape ``(ky,)`` or ``(kz, ky)``; None: none.
    is_gridded
        Whether lines are places in k-space.

    Raises
    ------
    ArrayError
        The array is not complex, has other axes, is masked, or holds NaN or Inf; or another argument does not fit it.
    """
    given = np.asarray(kspace)
    if given.ndim not in AXES or 0 in given.shape:
        raise ArrayError(f"expected a k-space of shape {' or '.join(AXES.values())}, found {given.shape}")
    if not np.iscomplexobj(given):
        raise ArrayError(
            f"expected complex samples, found {given.dtype}: real and imaginary part make one number, and magnitudes "
            "have lost what tells sparks apart"
        )
    # Once it is known to be of numbers: a mask of records can be asked nothing.
    if np.ma.is_masked(kspace):
        raise ArrayError("expected an array without a mask, found a masked one: sampled says what was acquired")
    with np.errstate(over="ignore"):  # what does not fit becomes Inf, and is refused by name
        data = given.astype(np.complex64, copy=False)
    if not np.isfinite(data).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(data))[0])
        count = int(np.count_nonzero(~np.isfinite(data)))
        raise ArrayError(f"expected finite samples, found {count} that are NaN or Inf, the first at {place}")
    shape = given.shape[1:]
    # A zero in every receiver is no measurement: even a receiver without signal records noise.
    there = np.any(data != 0, axis=0) if sampled is None else _mask(sampled, shape, "sampled")
    turned = (
        np.zeros(shape[:-1], bool) if reversed_lines is None else _mask(reversed_lines, shape[:-1], "reversed_lines")
    )
    middle = _centre(centre, shape)
    if given.ndim == 3:  # one partition
        data, there, turned, middle = data[:, None], there[None], turned[None], (0, *middle)
    unknown = np.zeros(turned.shape, np.uint32)
    return KSpace(data, there, Indices(), unknown, unknown, turned, (middle[0], middle[1], middle[2]), is_gridded)


def _centre(given: Sequence[int] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    if given is None:
        return tuple(length // 2 for length in shape)
    centre: NDArray[Any] = np.asarray(given)
    is_fit = centre.shape == (len(shape),) and centre.dtype.kind in "iuf" and (centre % 1 == 0).all()
    if not is_fit or (centre < 0).any() or (centre >= shape).any():
        raise ArrayError(
            f"expected a centre inside a k-space of shape {shape}, in whole numbers, found {quoted(given)}"
        )
    return tuple(int(index) for index in centre)


def _mask(given: ArrayLike, shape: tuple[int, ...], name: str) -> BoolArray:
    mask: NDArray[Any] = np.asarray(given)
    if mask.shape != shape or mask.dtype != bool:
        raise ArrayError(f"{name}: expected booleans of shape {shape}, found {mask.dtype} of shape {mask.shape}")
    return mask
