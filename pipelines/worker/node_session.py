"""One scan of one node, in this process: a connected socket in, the gadget's function on a ``gadgetron`` Connection.

Nothing that happens in a scan leaves this module as an exception: its peer gets the reason, the log too.
"""

from __future__ import annotations

import importlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gadgetron.external.connection import Connection

from gadgets.errors import DesparkError, PeerLostError, in_words
from gadgets.logbook import note_scan
from gadgets.node import QUIET_S
from gadgets.outside import printable
from gadgets.settings import properties_of
from gadgets.wire import Transport
from pipelines.chains import EVERYTHING, Trust, name_in, of_raw_repair
from pipelines.files import Archive, ArchivedScan, mended
from pipelines.host import ServerLimits
from pipelines.messages import MessageID, text_message
from pipelines.worker.scan_socket import ScanSocket
from pipelines.worker.settings import with_defaults

logger = logging.getLogger(__name__)

# A scan of which nothing but a CLOSE came is the health check: not worth a line of the log every few seconds.
CLOSE_BYTES = 2

TAKE_ACQUISITIONS = ("acquisition_buffer", "raw_repair")
"""Nodes that get a scan as the scanner sent it; the others get what these made of it."""

NO_LIMITS = ServerLimits(idle_s=math.inf)
"""For a node beside those who feed it: they watch their own client."""


def gadget_of(node: str) -> Callable[[Any], None]:
    """Import the function that is the node."""
    gadget: Callable[[Any], None] = getattr(importlib.import_module(f"gadgets.{node}"), node)
    return gadget


def serve_node(
    connected: ScanSocket,
    node: str,
    defaults: Mapping[str, str],
    limits: ServerLimits = NO_LIMITS,
    trust: Trust = EVERYTHING,
    archive: Archive | None = None,
) -> None:
    """Run a node on a connection until the scan is over, and close it.

    Parameters
    ----------
    connected
        As accepted.
    node
        Name of the node.
    defaults
        Properties that hold where the scan's CONFIG does not say otherwise.
    limits
        How long the peer is waited for.
    trust
        What the peer may name in its CONFIG.
    archive
        Keeps what comes to nodes that take acquisitions.
    """
    started = time.monotonic()
    with connected:
        try:
            configuration, header = connected.read_opening(limits.stall_s)
            note_scan(name_in(configuration))
            own = properties_of(configuration, node)
            trust.check_settings(own, node, defaults)
            connection = _connection(connected, with_defaults(configuration, defaults, node), mended(header, node))
        # The package's parsers raise whatever they stumble on.
        except Exception as error:  # noqa: BLE001 - told to the peer and to the log
            _refuse(connected, node, error)
            return
        with connection, _begin(archive, node, header, {**defaults, **own}) as kept:
            connected.keep_in(kept)
            connected.count_as_scan()
            # The longest pause between two messages; the node takes it over from the socket.
            # The package has just switched the time-out off.
            connected.settimeout(None if math.isinf(limits.idle_s) else limits.idle_s)
            gadget_of(node)(connection)
        level = logging.DEBUG if connected.n_received <= CLOSE_BYTES else logging.INFO
        seconds = time.monotonic() - started
        logger.log(level, "%s: %.1f MB came, over after %.2f s", node, connected.n_received / 1e6, seconds)


def _connection(connected: ScanSocket, configuration: bytes, header: bytes) -> Connection:
    """Open the package's connection on what was read of a scan, and mended: it parses both as soon as it has them."""
    connected.read_ahead(_message(MessageID.CONFIG, configuration) + _message(MessageID.HEADER, header))
    return Connection(connected)


def _begin(
    archive: Archive | None, node: str, header: bytes, properties: Mapping[str, str]
) -> AbstractContextManager[ArchivedScan | None]:
    if archive is None or node not in TAKE_ACQUISITIONS:
        return nullcontext()
    return archive.begin(header, of_raw_repair(node, properties))


def _message(kind: MessageID, text: bytes) -> bytes:
    return bytes(text_message(kind, text).data)


def _refuse(connected: ScanSocket, node: str, error: Exception) -> None:
    """Read the input to its end, then send the reason and CLOSE: only in this order does a Gadgetron take it."""
    # Who connects and says nothing, as port scans and some monitors do, has no scan that could fail.
    if isinstance(error, PeerLostError) and not connected.n_opening:
        logger.debug("%s: no scan: %s", node, error)
        return
    # Of a failure that is none of ours, where it comes from is told, too.
    known = isinstance(error, DesparkError)
    logger.error("%s: the scan is refused%s", node, f": {error}" if known else "", exc_info=None if known else error)
    transport = Transport(connected)
    transport.discard_input(QUIET_S)
    try:
        transport.write(_message(MessageID.ERROR, printable(f"{node}: {in_words(error)}").encode()))
        transport.flush()
    except PeerLostError as lost:
        logger.warning("%s: the reason could not be sent: %s", node, lost)
    transport.close()
