"""Where an MRD raw file keeps header, acquisitions and waveforms, and whether they are what MRD says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from gadgets.errors import RawDataError
from pipelines.files.foreign import find, find_dataset, image_hint, misfits, names_in, number_type, read

logger = logging.getLogger(__name__)


def find_group(file: h5py.File, name: str, path: Path) -> h5py.Group:
    """Give the group that holds the raw data; the path is for the message of an error.

    Raises
    ------
    RawDataError
        There is none of that name.
    """
    found = find(file, name, str(path))
    if found is None:
        names = names_in(file, str(path))
        existing = ", ".join(f"'{each}'" for each in names) or "none"
        raise RawDataError(f"{path}: no group {name!r} (the file has {existing}){image_hint(names)}")
    if not isinstance(found, h5py.Group):
        raise RawDataError(f"{path}: expected a group {name!r}, found a {type(found).__name__.lower()}")
    return found


def read_xml(group: h5py.Group, path: Path) -> bytes:
    """Give the MRD header, byte for byte.

    Raises
    ------
    RawDataError
        There is none, more than one, or something else.
    """
    dataset, name = find_dataset(group, "xml", str(path)), group.name.strip("/")
    if dataset is None or not dataset.size:
        raise RawDataError(f"{path}: group {name!r} holds no MRD header (dataset 'xml')")
    if dataset.size > 1:
        # Whoever appends scans to a file would have the first header believed for all of them.
        raise RawDataError(f"{path}: {name}/xml: expected one MRD header, found {dataset.size}")
    value = np.asarray(read(dataset, str(path))).reshape(-1)[0]
    if not isinstance(value, str | bytes):
        kind = dataset.dtype.name if isinstance(value, np.generic) else type(value).__name__
        raise RawDataError(f"{path}: {name}/xml: expected the text of the MRD header, found {kind}")
    return value.encode(errors="surrogateescape") if isinstance(value, str) else bytes(value)


def find_rows(
    group: h5py.Group, name: str, path: Path, header_dtype: np.dtype[Any], wanted: Mapping[str, np.dtype[Any]]
) -> h5py.Dataset | None:
    """Give the rows of a kind, acquisitions or waveforms; None where there are none.

    Parameters
    ----------
    group, name
        The dataset.
    path
        Of the file, for the message of an error.
    header_dtype, wanted
        What MRD has in a row: the header, and the numbers of each other field.

    Raises
    ------
    RawDataError
        They are not what MRD has, or more are declared than the file can hold.
    """
    dataset = find_dataset(group, name, str(path))
    if dataset is None:
        return None
    where, fields = f"{path}: {group.name.strip('/')}/{name}", dataset.dtype.names or ()
    if "head" not in fields or (lacking := misfits(dataset.dtype["head"], header_dtype)):
        what = "head" if "head" not in fields else ", ".join(sorted(lacking))
        raise RawDataError(f"{where} is not MRD version 1 (missing or of another kind: {what})")
    if dataset.ndim != 1:
        raise RawDataError(f"{where}: expected a list, found an array of shape {dataset.shape}")
    # What is not stored reads as zeros, of any number; what is takes some bytes each, however well it is packed.
    n_rows, n_bytes = int(dataset.shape[0]), int(group.file.id.get_filesize())
    if n_rows > n_bytes:
        raise RawDataError(f"{where}: {n_rows} are declared, and the whole file has {n_bytes} bytes")
    for field, dtype in wanted.items():
        stored = number_type(dataset.dtype[field]) if field in fields else None
        if stored is None:
            raise RawDataError(f"{where} is not MRD version 1 (no numbers in {field})")
        if stored != dtype:
            logger.info("%s: %s stored as %s, read and passed on as %s", where, field, stored.str, dtype.name)
    return dataset
