"""What lies in an HDF5 file of others: found and read so that all that is wrong ends in one line that says where.

A name leads to what lies in the same file, or nowhere: links out of it are not followed, for they may lead to a file of
somebody else's, or to a pipe that never answers.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from gadgets.outside import memory_limit, printable

MOST_LINKS = 16
"""That one name may lead through: as many as HDF5 itself follows."""

MADE_BY = "despark"
"""Attribute of a group: what despark did to the data in it."""

FAILURES = (OSError, ValueError, RuntimeError, TypeError, KeyError, OverflowError, MemoryError)
"""What h5py raises, depending on its version and on what is damaged or of a type that NumPy lacks."""


def find(group: h5py.Group, name: str, where: str) -> Any:  # noqa: ANN401 - h5py is untyped
    """Give what has a name, None where nothing has.

    Parameters
    ----------
    group
        Where the name begins, unless it begins with a slash.
    name
        As in HDF5, with slashes between its parts.
    where
        File, for the message of an error.

    Raises
    ------
    RawDataError
        The name leads out of the file, in circles or by a link to nowhere, or what it leads to is damaged.
    """
    with refused(f"{where}: {name!r} cannot be read"):
        root = group.file["/"]
        found: Any = root if name.startswith("/") else group
        parts, n_links = _parts(name), 0
        while parts:
            part = parts.pop(0)
            kind = _link_kind(found, part)
            if kind is None and n_links:
                raise RawDataError(f"{where}: {name!r} is a link that leads nowhere")
            if kind is None:
                return None
            if kind == h5py.h5l.TYPE_HARD:
                found = found[part]
                continue
            n_links += 1
            if kind != h5py.h5l.TYPE_SOFT:
                raise RawDataError(f"{where}: {name!r} leads out of the file by a link, which is not followed")
            if n_links > MOST_LINKS:
                raise RawDataError(f"{where}: {name!r} leads from link to link without end")
            target = os.fsdecode(found.id.links.get_val(os.fsencode(part)))
            parts = [*_parts(target), *parts]
            found = root if target.startswith("/") else found
        return found


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _link_kind(found: Any, part: str) -> int | None:  # noqa: ANN401 - h5py is untyped
    # Asked of the link alone: h5py's own `in` and `get` open what it leads to.
    if not isinstance(found, h5py.Group) or not found.id.links.exists(os.fsencode(part)):
        return None
    return int(found.id.links.get_info(os.fsencode(part)).type)


def find_dataset(group: h5py.Group, name: str, where: str) -> h5py.Dataset | None:
    """Give the dataset that has a name, None where nothing has.

    Raises
    ------
    RawDataError
        It is no dataset, of a type that NumPy lacks, its values lie in other files, or come in chunks beyond memory.
    """
    found = find(group, name, where)
    if found is None:
        return None
    place = f"{where}: {group.name.strip('/')}/{name}"
    if not isinstance(found, h5py.Dataset):
        raise RawDataError(f"{place}: expected a dataset, found a {type(found).__name__.lower()}")
    with refused(f"{place} cannot be read"):
        # Both name files, which HDF5 would open.
        if found.is_virtual or found.external:
            raise RawDataError(f"{place}: expected values in this file, found links to others, which are not followed")
        if found.shape is None or found.dtype is None:
            raise RawDataError(f"{place}: expected values, found an empty dataset")
        _check_size(f"{place}: a chunk", math.prod(found.chunks or ()) * found.dtype.itemsize)
    return found


def read(dataset: Any, where: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:  # noqa: ANN401
    """Read a dataset or some of its fields, all of it or from `start` to `stop`.

    Raises
    ------
    RawDataError
        It is damaged, or larger than the memory that a scan may have.
    """
    if stop is None:
        _check_size(where, dataset.size * dataset.dtype.itemsize)
    with refused(f"{where}: damaged from element {start} on"):
        values: NDArray[Any] = dataset[()] if stop is None else dataset[start:stop]
    return values


def _check_size(what: str, n_bytes: int) -> None:
    """See that there is memory for what a file declares: HDF5 asks for it before it looks what really is there."""
    if n_bytes > memory_limit():
        raise RawDataError(f"{what}: expected at most {memory_limit()} bytes at once, found {n_bytes} declared")


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Make an error of ours, which begins with `what`, of what h5py raises."""
    try:
        yield
    except FAILURES as error:
        raise RawDataError(f"{what} ({reason_of(error)})") from error


def reason_of(error: BaseException) -> str:
    """Give the first line of an error; that of a KeyError without its quotes."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return (text.splitlines() or [type(error).__name__])[0]


def names_in(group: h5py.Group, where: str) -> list[str]:
    """Name what a group holds, as it can be shown: h5py gives bytes where a name is no UTF-8.

    Raises
    ------
    RawDataError
        The names are damaged; says so of the file `where`.
    """
    with refused(f"{where}: the names in it cannot be read"):
        return [printable(os.fsdecode(name)) for name in group]


def made_by(group: h5py.Group) -> str:
    """Tell what despark did to the data of a group, as it wrote down there; empty where it wrote nothing."""
    try:
        text = group.attrs.get(MADE_BY, "")
    except FAILURES:
        # A damaged attribute is no reason not to read the data.
        return ""
    return printable(text) if isinstance(text, str) else ""
