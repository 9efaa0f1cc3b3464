"""A chain as a filter: an MRD stream in, the stream with what the chain made of it out, all in this process.

The stream is framed as Gadgetron frames it for its clients and for ``gadgetron --from_stream``: HEADER, data, CLOSE,
each with its id in front. The HEADER goes out as it came. A stream that ends without its CLOSE, in or out, is broken.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from gadgets.errors import WireError
from gadgets.process import WarmStore, using
from pipelines.chains import Chain, Node, check_models, check_reports
from pipelines.files import STDOUT, check_writable, mended, read_header
from pipelines.host import Client, NodeProcess, Scan, ServerLimits
from pipelines.messages import CLOSE, Message, MessageID, MessageReader, text_message
from pipelines.replay.pipe import Pipe, is_lost, write_all
from pipelines.worker import NodeThread

logger = logging.getLogger(__name__)

INPUT = "the input stream"


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
