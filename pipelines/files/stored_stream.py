"""What an MRD stream in a file holds, such as an archive keeps: HEADER, data, CLOSE, as Gadgetron frames them.

A stream that was cut off gives all its whole messages.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from numpy.typing import NDArray

from gadgets.errors import PeerLostError, RawDataError, WireError
from pipelines.files.foreign import OFTEN, check_regular, go_on
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform
from pipelines.messages import Message, MessageID, MessageReader

logger = logging.getLogger(__name__)

_BEGINNINGS = tuple(struct.pack("<H", kind) for kind in (MessageID.FILENAME, MessageID.CONFIG, MessageID.HEADER))


def is_stream(path: Path) -> bool:
    """Whether a file begins as a stream does."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            return file.read(2) in _BEGINNINGS
    except OSError as error:
        raise RawDataError(f"{path}: cannot be read ({error.strerror})") from error


class StoredStream:
    """An MRD stream in a file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    RawDataError
        It cannot be read, does not begin with an MRD header, or holds no acquisitions.
    """

    other_groups: tuple[str, ...] = ()

    made_by = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        try:
            self.header_xml = self._read_header(MessageReader(_Bytes(self._file), path.name))
            # Once through all of it: nothing in a stream says how much will come, and damage is told before any work is
            # done.
            kinds = [type(item) for item in self]
        except BaseException:
            self._file.close()
            raise
        self.n_acquisitions, self.n_waveforms = kinds.count(RawAcquisition), kinds.count(RawWaveform)
        if not self.n_acquisitions:
            self._file.close()
            raise RawDataError(f"{path}: the stream holds no acquisitions")

    def __enter__(self) -> StoredStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def headers(self, rows: int = 4096) -> Iterator[NDArray[np.void]]:
        """Give the acquisition headers alone, as structured arrays of up to ``rows`` each."""
        content: list[bytes] = []
        for item in self.acquisitions():
            content.append(item.header)
            if len(content) == rows:
                yield np.frombuffer(b"".join(content), acquisition_header_dtype)
                content = []
        if content:
            yield np.frombuffer(b"".join(content), acquisition_header_dtype)

    def acquisitions(self) -> Iterator[RawAcquisition]:
        """Give the acquisitions in the order of the scan."""
        return (item for item in self if isinstance(item, RawAcquisition))

    def waveforms(self) -> Iterator[RawWaveform]:
        """Give the waveforms in the order of the scan."""
        return (item for item in self if isinstance(item, RawWaveform))

    def __iter__(self) -> Iterator[RawItem]:
        """Give acquisitions and waveforms in the order of the scan."""
        self._file.seek(0)
        reader = MessageReader(_Bytes(self._file), self._path.name)
        self._read_header(reader)
        while (message := self._next(reader)) is not None:
            if reader.n_messages % OFTEN == 0:
                go_on()
            if message.id is MessageID.ACQUISITION:
                yield RawAcquisition.from_bytes(message.body)
            elif message.id is MessageID.WAVEFORM:
                yield RawWaveform.from_bytes(message.body)
            else:
                raise RawDataError(
                    f"{self._path}: expected acquisitions and waveforms in a stream, found {message.id.name}"
                )

    def _next(self, reader: MessageReader) -> Message | None:
        try:
            message = reader.read()
        except PeerLostError:
            # Cut off while it was written: what is whole is all that there is.
            logger.warning("%s: the stream was cut off after %d messages", self._path.name, reader.n_messages)
            return None
        except WireError as error:
            raise RawDataError(f"{self._path}: damaged ({error})") from error
        if message.id is not MessageID.CLOSE:
            return message
        with suppress(PeerLostError):
            reader.take(1)
            # As of a raw file with two headers: of two scans the second would be left out without a word.
            raise RawDataError(f"{self._path}: expected one scan, found more behind the CLOSE of the stream")
        return None

    def _read_header(self, reader: MessageReader) -> bytes:
        message = self._next(reader)
        while message is not None and message.id in (MessageID.FILENAME, MessageID.CONFIG):
            message = self._next(reader)
        if message is None or message.id is not MessageID.HEADER:
            raise RawDataError(f"{self._path}: expected a stream that begins with an MRD header, found none")
        # The text stands behind its length.
        return message.body[4:]


class _Bytes:
    """A file as a source of messages."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def recv(self, bufsize: int, /) -> bytes:
        """Give the next bytes; none at the end."""
        return self._file.read(bufsize)

    def gettimeout(self) -> None:
        """Say that a file is not waited for."""

    def fileno(self) -> int:
        """Give its descriptor."""
        return self._file.fileno()
