"""MRD version 2: its acquisitions go through a chain as those of version 1, and come back into the items they were in.

Only the samples are taken from what the chain returns. Whatever else an item holds, and every item that is no
acquisition, goes out as it came and in its place.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from gadgets.errors import PeerLostError, PipelineError, RawDataError, WireError, in_words
from gadgets.outside import memory_limit
from pipelines.chains import Chain
from pipelines.files import RawAcquisition, header_xml, read_header, to_raw
from pipelines.messages import CLOSE, Message, MessageID, data_message
from pipelines.replay.pipe import Pipe, is_lost
from pipelines.replay.stream import INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


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
        Descriptors to read from and to write to; they stay open.
    mrd
        The module ``mrd``.
    """

    def __init__(self, source: int, sink: int, mrd: Any) -> None:  # noqa: ANN401 - an optional package
        self._mrd = mrd
        self._sink = Pipe(sink)
        self._input = io.BufferedReader(Pipe(source))
        self._output = io.BufferedWriter(self._sink)
        # Read and written by two threads: one takes items in, the other puts them out.
        self._lock = threading.Lock()
        self._waiting: deque[Any] = deque()
        self._n_read = 0
        self._items: Iterator[Any] = iter(())
        self._writer: Any = None

    def read_header(self) -> bytes:
        """Read the header, write it as it came, and give it as XML of version 1."""
        try:
            reader = self._mrd.BinaryMrdReader(self._input)
            _bound(reader)
            header = reader.read_header()
        except Exception as error:
            raise WireError(f"{INPUT}: not a stream of MRD version 2 ({_reason(error)})") from error
        if header is None:
            raise RawDataError(f"{INPUT}: expected an MRD header, found none")
        xml = header_xml(header)
        read_header(xml, INPUT)
        self._writer = self._mrd.BinaryMrdWriter(self._output)
        self._put(self._writer.write_header, header)
        self._items = self._guarded(reader.read_data())
        return xml

    def read(self, check: Callable[[MessageID], None]) -> Message:
        """Give the next acquisition; other items wait for their place, or go out at once where nothing waits."""
        for item in self._items:
            is_acquisition = isinstance(item, self._mrd.StreamItem.Acquisition)
            self._n_read += is_acquisition
            raw = to_raw(item.value, self._n_read) if is_acquisition else None
            with self._lock:
                # Everything waits in one line, so that items which never go through the chain keep their places.
                self._waiting.append(item)
                self._write_others()
            if raw is not None:
                check(MessageID.ACQUISITION)
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
            # The samples alone: the rest of the item holds what version 1 has no place for.
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
        # A list: only there does the package see that its buffer has room.
        self._put(self._writer.write_data, [item])

    def _put(self, write: Callable[[Any], None], value: Any) -> None:  # noqa: ANN401 - an optional package
        try:
            write(value)
        except OSError as error:
            raise PeerLostError(f"the output stream cannot be written ({error.strerror})") from error
        # It reads numbers that it does not write, as those of more bits than their type has.
        except Exception as error:
            raise WireError(f"{INPUT}: what came cannot be written again ({_reason(error)})") from error


def _bound(reader: Any) -> None:  # noqa: ANN401 - an optional package
    """Let a reader believe no length beyond what a scan may take: it would first make so many zeros."""
    # Of a release that reads in another way they are not there, and it reads as it does.
    stream = getattr(reader, "_stream", None)
    for name in ("read_view", "read_bytearray"):
        if (read := getattr(stream, name, None)) is not None:
            setattr(stream, name, partial(_bounded, read))


def _bounded(read: Callable[[int], Any], count: int) -> Any:  # noqa: ANN401 - an optional package
    # Below zero after a product of lengths that has no room in its type: it would go back to what has been read.
    if not 0 <= count <= memory_limit():
        raise ValueError(f"expected at most {memory_limit()} bytes at once, found {count} declared")
    return read(count)


def _reason(error: Exception) -> str:
    # The package fails so where its buffer has nothing more to give.
    if isinstance(error, BufferError | EOFError):
        return "it ends in the middle of an item"
    return in_words(error)
