"""MRD version 2: its acquisitions go through a chain as those of version 1, and come back into the items they were in.

Only the samples are taken from what the chain returns. Whatever else an item holds, and every item that is no
acquisition, goes out as it came and in its place.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from numpy.typing import NDArray

from gadgets.errors import PeerLostError, PipelineError, RawDataError, WireError
from pipelines.chain import Chain
from pipelines.messages import CLOSE, Message, MessageID, data_message
from pipelines.mrd2_header import header_xml
from pipelines.mrd_header import read_header
from pipelines.raw_items import RawAcquisition
from pipelines.stream import INPUT, is_lost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COUNTERS = (
    "kspace_encode_step_1",
    "kspace_encode_step_2",
    "average",
    "slice",
    "contrast",
    "phase",
    "repetition",
    "set",
    "segment",
)
_NUMBERS = ("measurement_uid", "acquisition_time_stamp", "discard_pre", "discard_post", "encoding_space_ref")
_VECTORS = ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")
_LISTS = ("physiology_time_stamp", "user_int", "user_float")


def open_mrd2(source: int, sink: int, chain: Chain) -> MRD2Stream:
    """Open a stream of MRD version 2.

    Raises
    ------
    PipelineError
        The package ``mrd-python`` is not installed, or the chain returns no acquisitions.
    """
    try:
        import mrd
    except ImportError as error:
        raise PipelineError(
            f'MRD version 2 needs the package mrd-python: pip install "despark[mrd2]" ({error})'
        ) from error
    if chain.writes != {MessageID.ACQUISITION, MessageID.WAVEFORM}:
        raise PipelineError(f"{chain.source}: expected a chain that returns acquisitions, for a stream of version 2")
    return MRD2Stream(source, sink, mrd)


class MRD2Stream:
    """Reads and writes MRD version 2, and is a client that speaks version 1.

    Parameters
    ----------
    source, sink
        Descriptors to read from and to write to.
    mrd
        The module ``mrd``.
    """

    def __init__(self, source: int, sink: int, mrd: Any) -> None:  # noqa: ANN401 - an optional package
        self._mrd = mrd
        self._sink = sink
        self._input = os.fdopen(source, "rb", closefd=False)
        self._output = os.fdopen(sink, "wb", closefd=False)
        self._lock = threading.Lock()
        self._waiting: deque[Any] = deque()
        self._n_read = 0
        self._items: Iterator[Any] = iter(())
        self._writer: Any = None

    def read_header(self) -> bytes:
        """Read the header, write it as it came, and give it as XML of version 1."""
        try:
            reader = self._mrd.BinaryMrdReader(self._input)
            header = reader.read_header()
        except Exception as error:
            raise WireError(f"{INPUT}: not a stream of MRD version 2 ({_reason(error)})") from error
        if header is None:
            raise RawDataError(f"{INPUT}: expected an MRD header, found none")
        xml = header_xml(header)
        read_header(xml, INPUT)
        self._writer = self._mrd.BinaryMrdWriter(self._output)
        self._writer.write_header(header)
        self._items = self._guarded(reader.read_data())
        return xml

    def read(self) -> Message:
        """Give the next acquisition; other items wait for their place, or go out at once where nothing waits."""
        for item in self._items:
            is_acquisition = isinstance(item, self._mrd.StreamItem.Acquisition)
            self._n_read += is_acquisition
            raw = to_raw(item.value, self._n_read) if is_acquisition else None
            with self._lock:
                self._waiting.append(item)
                self._write_others()
            if raw is not None:
                return data_message(MessageID.ACQUISITION, raw.to_bytes())
        return CLOSE

    def send(self, message: Message) -> None:
        """Take an acquisition that the chain returned, and write the item that it belongs to."""
        if message.id is not MessageID.ACQUISITION:
            raise WireError(f"expected acquisitions from the chain, found {message.id.name}")
        returned = RawAcquisition.from_bytes(message.body)
        with self._lock:
            if not self._waiting or self._waiting[0].value.data.shape != returned.data.shape:
                raise WireError("expected the acquisitions that came in, in their order; the chain returned another")
            item = self._waiting.popleft()
            item.value.data = returned.data
            self._write(item)
            self._write_others()

    def is_lost(self) -> bool:
        """Whether nobody reads what is written any more."""
        return is_lost(self._sink)

    def finish(self) -> None:
        """Write the end of the stream; raises WireError where the chain kept acquisitions back."""
        if self._waiting:
            raise WireError(f"expected all acquisitions back from the chain, {len(self._waiting)} items are missing")
        try:
            # A stream without items is whole only if that was said.
            self._writer.write_data([])
            self._writer.close()
            self._output.flush()
        except OSError as error:
            raise PeerLostError(f"the output stream cannot be written ({error.strerror})") from error

    def _guarded(self, items: Iterable[Any]) -> Iterator[Any]:
        try:
            yield from items
        except Exception as error:
            raise PeerLostError(f"{INPUT}: broken after {self._n_read} acquisitions ({_reason(error)})") from error

    def _write_others(self) -> None:
        """Write what stands in front and is no acquisition."""
        while self._waiting and not isinstance(self._waiting[0], self._mrd.StreamItem.Acquisition):
            self._write(self._waiting.popleft())

    def _write(self, item: Any) -> None:  # noqa: ANN401 - an optional package
        try:
            # A list: only there does the package see that its buffer has room.
            self._writer.write_data([item])
        except OSError as error:
            raise PeerLostError(f"the output stream cannot be written ({error.strerror})") from error


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


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
