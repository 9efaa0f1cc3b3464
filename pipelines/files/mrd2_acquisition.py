"""An acquisition of MRD version 2 as one of version 1, so that the nodes can read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from numpy.typing import NDArray

from gadgets.errors import RawDataError
from pipelines.files.headers import COUNTERS
from pipelines.files.raw_items import RawAcquisition

_COUNTERS = ("kspace_encode_step_1", "kspace_encode_step_2", *COUNTERS)
# By the names that both versions share; what version 1 lacks is not lost, as items go out as they came.
_NUMBERS = ("measurement_uid", "acquisition_time_stamp", "discard_pre", "discard_post", "encoding_space_ref")
_VECTORS = ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")
_LISTS = ("physiology_time_stamp", "user_int", "user_float")


def to_raw(acquisition: Any, number: int) -> RawAcquisition:  # noqa: ANN401 - an optional package
    """Give an acquisition of version 2 as one of version 1.

    Parameters
    ----------
    acquisition
        ``mrd.Acquisition``.
    number
        Its number in the stream, for one that does not say its own.

    Raises
    ------
    RawDataError
        A number in it is too large for version 1.
    """
    head, data = acquisition.head, np.ascontiguousarray(acquisition.data, np.complex64)
    # Version 2 has the axes of the trajectory first, version 1 the samples.
    trajectory = np.ascontiguousarray(np.transpose(acquisition.trajectory), np.float32)
    if trajectory.size and trajectory.shape[0] != data.shape[1]:
        raise RawDataError(
            f"acquisition {number}: expected a trajectory of {data.shape[1]} samples, found {trajectory.shape[0]}"
        )
    fields: dict[str, Any] = {name: getattr(head, name, None) or 0 for name in _NUMBERS}
    fields |= {name: getattr(head, name) for name in _VECTORS}
    fields |= {
        "version": 1,
        "flags": int(head.flags),
        # Optional in version 2; reports name a readout by it.
        "scan_counter": number if head.scan_counter is None else head.scan_counter,
        "number_of_samples": data.shape[1],
        "available_channels": data.shape[0],
        "active_channels": data.shape[0],
        "center_sample": data.shape[1] // 2 if head.center_sample is None else head.center_sample,
        "trajectory_dimensions": trajectory.shape[1] if trajectory.size else 0,
        "sample_time_us": getattr(head, "sample_time_us", None) or 0.0,
    }
    row = np.zeros(1, acquisition_header_dtype)
    for name, value in fields.items():
        _set(row, name, value, number)
    for name in _COUNTERS:
        _set(row["idx"], name, getattr(head.idx, name) or 0, number)
    for name in _LISTS:
        _fill(row, name, getattr(head, name, ()), number)
    _fill(row["idx"], "user", head.idx.user, number)
    return RawAcquisition(
        row.tobytes(), trajectory if trajectory.size else np.zeros((data.shape[1], 0), np.float32), data
    )


def _set(row: NDArray[np.void], name: str, value: Any, number: int) -> None:  # noqa: ANN401 - a number or several
    kind = row[name].dtype
    # Version 1 is narrower; depending on its version, NumPy would wrap such a number silently.
    if kind.kind in "iu" and (np.max(value) > np.iinfo(kind).max or np.min(value) < np.iinfo(kind).min):
        raise RawDataError(f"acquisition {number}: {name} of {value} does not fit into MRD version 1")
    row[name] = value


def _fill(row: NDArray[np.void], name: str, values: Any, number: int) -> None:  # noqa: ANN401 - a list
    """Put as many values as there is room for, zeros behind them."""
    length = row[name].shape[-1]
    _set(row, name, [*values[:length], *[0] * (length - len(values))], number)
