"""Numbers of any type and byte order, as the types that MRD has: every value survives, or the file is refused.

HDF5 lets a writer choose; readers in C and C++ get what they ask for. What h5py hands out is what was stored.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from gadgets.errors import RawDataError

PAIRS = (("real", "imag"), ("r", "i"))
"""How writers name the parts of a complex number."""


def number_type(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Give the type of the real numbers that values consist of, None where they are no numbers.

    Parameters
    ----------
    dtype
        Of a dataset or a field; of variable length, an array, complex or a pair, too.
    """
    element = h5py.check_vlen_dtype(dtype) or dtype
    if not isinstance(element, np.dtype):
        return None
    base = element.base
    if base.kind == "c":
        return np.dtype(f"{base.byteorder}f{base.itemsize // 2}")
    if base.names in PAIRS:
        first, second = base[0], base[1]
        # Both of one type and nothing beside them, so that pairs can be read as a row of numbers.
        return first if first == second and first.kind in "iuf" and base.itemsize == 2 * first.itemsize else None
    return base if base.kind in "iuf" else None


def misfits(stored: np.dtype[Any], wanted: np.dtype[Any]) -> list[str]:
    """Name the fields of a header that are missing, no numbers, or not as many as they should be."""
    found = []
    for name in wanted.names or ():
        inner = wanted[name]
        if name not in (stored.names or ()):
            found.append(name)
        elif inner.names:
            found += [f"{name}.{each}" for each in misfits(stored[name], inner)]
        elif stored[name].shape != inner.shape or stored[name].base.kind not in "iuf":
            found.append(name)
    return found


def as_headers(heads: NDArray[np.void], wanted: np.dtype[Any], where: str, first: int = 0) -> NDArray[np.void]:
    """Bring headers to MRD's own layout; other writers may have arranged the same fields differently.

    Parameters
    ----------
    heads
        Without :func:`misfits`.
    wanted
        MRD's own type.
    where, first
        What they are headers of, and the number of the first one, for the message of an error.

    Raises
    ------
    RawDataError
        A number does not fit into MRD's type.
    """
    if heads.dtype == wanted:
        return heads
    converted = np.zeros(len(heads), dtype=wanted)
    for name in wanted.names or ():
        inner, values = wanted[name], heads[name]
        if inner.names:
            converted[name] = as_headers(values, inner, where, first)
            continue
        converted[name], lost = _cast(values, inner.base)
        if lost is not None:
            row = first + lost // max(1, values[0].size)
            raise RawDataError(f"{where} {row}: {_lost(values, inner.base, lost)} as {name} of its header")
    return converted


def as_numbers(
    values: NDArray[Any], stored: np.dtype[Any], wanted: np.dtype[Any], count: int, where: str
) -> NDArray[Any]:
    """Give the values of one row as one MRD type.

    Parameters
    ----------
    values
        As h5py handed them out.
    stored
        Type of the real numbers in the file.
    wanted
        Real type of MRD.
    count
        Real numbers that the header declares.
    where
        What they are, and how many, for the message of an error.

    Raises
    ------
    RawDataError
        There are more or fewer, or one does not fit into the type; names the first.
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    given = stored if _is_mislabelled() else number_type(flat.dtype) or stored
    # Complex numbers and pairs become twice as many real ones, side by side as MRD has them.
    numbers = flat.view(given)
    if numbers.size != count:
        raise RawDataError(f"{where} expected by its header ({count} numbers), found {numbers.size} numbers")
    converted, lost = _cast(numbers, wanted)
    if lost is not None:
        raise RawDataError(f"{where}: {_lost(numbers, wanted, lost)} as number {lost}")
    return converted


def _lost(values: NDArray[Any], wanted: np.dtype[Any], place: int) -> str:
    value = values.reshape(-1)[place]
    return f"expected what {wanted.name} can hold, found {value} ({values.dtype.name})"


def _cast(values: NDArray[Any], wanted: np.dtype[Any]) -> tuple[NDArray[Any], int | None]:
    """Convert numbers; tell the place of the first one that does not come back as it was."""
    if values.dtype == wanted:
        return values, None
    with np.errstate(all="ignore"):
        converted = values.astype(wanted)
        # There and back: what comes back as it was has lost nothing. Signs as well, since whole numbers wrap round.
        survives = (converted.astype(values.dtype) == values) & ((converted < 0) == (values < 0))
    if wanted.kind == "f":
        if values.dtype.kind == "f":
            survives |= np.isnan(values)
        else:
            # A float may round up to what the whole numbers do not reach; the way back is undefined there.
            survives &= converted < float(2 ** np.iinfo(values.dtype).max.bit_length())
    flat = survives.reshape(-1)
    return converted, None if flat.all() else int(np.argmin(flat))


@cache
def _is_mislabelled() -> bool:
    """Whether h5py hands out elements of variable length in the file's byte order, but labels them with the machine's.

    Every version does so far (h5py issue 1729); one that does not must not have its values turned round once more.
    """
    foreign = np.dtype(np.uint16).newbyteorder()
    with h5py.File("probe", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("values", (1,), h5py.vlen_dtype(foreign))
        dataset[0] = np.array([1], foreign)
        return int(dataset[0][0]) != 1
