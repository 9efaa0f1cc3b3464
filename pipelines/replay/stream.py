"""A chain as a filter: an MRD stream in, the stream with what the chain made of it out, all in this process.

The stream is framed as Gadgetron frames it for its clients and for ``gadgetron --from_stream``: HEADER, data, CLOSE,
each with its id in front. The HEADER goes out as it came. A stream that ends without its CLOSE, in or out, is broken.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from gadgets.errors import PeerLostError, WireError
from gadgets.process import WarmStore, using
from pipelines.chains import Chain, Node, check_models, check_reports
from pipelines.files import STDOUT, check_writable, mended, read_header
from pipelines.host import Client, NodeProcess, Scan, ServerLimits
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message
from pipelines.worker import NodeThread

logger = logging.getLogger(__name__)

INPUT = "the input stream"

MovedT = TypeVar("MovedT", bytes, int)


class MRDStream(Client, Protocol):
    """A stream of one format or another."""

    def read_header(self) -> bytes:
        """Read up to and including the header, pass it on, and give it as XML."""

    def finish(self) -> None:
        """Write the end of a stream that is whole."""


class MessageStream:
    """Messages as Gadgetron frames them, on two file descriptors.

    Parameters
    ----------
    source, sink
        To read from and to write to; they stay open.
    """

    def __init__(self, source: int, sink: int) -> None:
        self._reader = MessageReader(Pipe(source), INPUT)
        self._sink = Pipe(sink)

    def read_header(self) -> bytes:
        """Read up to and including the HEADER, and write it as it came."""
        message = self.read()
        if message.id in (MessageID.FILENAME, MessageID.CONFIG):
            logger.warning("the configuration in the stream is not used: the chain is the one on the command line")
            message = self.read()
        if message.id is not MessageID.HEADER:
            raise WireError(f"{INPUT}: expected a HEADER before any data, found {message.id.name}")
        header = message.body[4:]
        # A header that nobody can use must not go out as if all were well.
        read_header(header, INPUT)
        self.send(text_message(MessageID.HEADER, header))
        return header

    def read(self, check: Callable[[MessageID], None] = lambda _: None) -> Message:
        """Read the next message, once ``check`` has let its id pass; raises PeerLostError or WireError."""
        return self._reader.read(check)

    def send(self, message: Message) -> None:
        """Write a message; raises PeerLostError where nobody reads."""
        write_all(self._sink, message.data)

    def is_lost(self) -> bool:
        """Whether nobody reads what is written any more."""
        return is_lost(self._sink)

    def finish(self) -> None:
        """Write the CLOSE; raises WireError where the input goes on behind its own."""
        if self._reader.has_more():
            # Of two scans the second would be left out without a word.
            raise WireError(f"{INPUT}: expected one scan, found more behind its CLOSE")
        self.send(CLOSE)


class Pipe(io.RawIOBase):
    """A file descriptor that is waited for, also where a program that shares it has switched the waiting off.

    Parameters
    ----------
    descriptor
        Of a pipe or a file; it stays open.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def recv(self, bufsize: int, /) -> bytes:
        """Give bytes as soon as there are any; none at the end."""
        return self._awaited(select.POLLIN, lambda: os.read(self._descriptor, bufsize))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever holds bytes
        """Read bytes into a buffer as soon as there are any, and give their number."""
        return self._awaited(select.POLLIN, lambda: os.readv(self._descriptor, [buffer]))

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - whatever holds bytes
        """Write as many bytes as there is room for, at least one, and give their number."""
        return self._awaited(select.POLLOUT, lambda: os.write(self._descriptor, content))

    def _awaited(self, event: int, act: Callable[[], MovedT]) -> MovedT:
        watch = select.poll()
        watch.register(self._descriptor, event)
        while True:
            try:
                return act()
            except BlockingIOError:
                watch.poll()

    def readable(self) -> bool:
        """Say that it may be read."""
        return True

    def writable(self) -> bool:
        """Say that it may be written."""
        return True

    def gettimeout(self) -> None:
        """Say that a pipe may pause for ever."""

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._descriptor


def run_stream(stream: MRDStream, chain: Chain, warm: WarmStore) -> None:
    """Run a chain on a stream, from its header to its end.

    Raises
    ------
    DesparkError
        The stream or a node is at fault; the output then has no end.
    """

    def open_node(node: Node) -> NodeProcess:
        # Our own nodes run here, with models that are open; others may do anything to a process, and get their own.
        return NodeThread(node, warm) if node.is_ours else NodeProcess(node)

    header = stream.read_header()
    # No limit of silence: whoever writes into a pipe may pause as long as he likes.
    Scan(chain, mended(header, INPUT), stream, ServerLimits(idle_s=math.inf), open_node).run()
    stream.finish()


def open_models(chain: Chain) -> WarmStore:
    """See that a chain can run here, and open its models, before a byte is read.

    Raises
    ------
    PipelineError, SettingsError, ModelError, ProviderError
        It cannot.
    """
    chain.check_runnable()
    chain.check_settings()
    warm = WarmStore()
    with using(warm):
        # Inside the store, so that what is opened for the check is what the scan will use.
        check_models(chain)
    check_reports(chain)
    return warm


@contextlib.contextmanager
def data_only() -> Iterator[int]:
    """Keep standard output for data: give its descriptor, and send what anything prints to standard error.

    Raises
    ------
    RawDataError
        It is closed.
    """
    check_writable(STDOUT)
    sys.stdout.flush()
    # By descriptor and not by sys.stdout: libraries in C print there, too.
    data = os.dup(1)
    os.dup2(2, 1)
    try:
        yield data
    finally:
        sys.stdout.flush()
        os.dup2(data, 1)
        os.close(data)


def write_all(sink: Pipe, content: bytes | bytearray | memoryview) -> None:
    """Write all of it; raises PeerLostError where nobody reads."""
    left = memoryview(content)
    while left:
        try:
            # A pipe takes as much as it has room for.
            left = left[sink.write(left) :]
        except OSError as error:
            raise PeerLostError(f"the output stream cannot be written ({error.strerror})") from error


def is_lost(sink: Pipe) -> bool:
    """Whether nobody reads what is written to a pipe."""
    watch = select.poll()
    # No event is asked for: that nobody reads is told in any case.
    watch.register(sink, 0)
    return any(event & select.POLLERR for _, event in watch.poll(0))
