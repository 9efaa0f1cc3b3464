"""One client's conversation with the host."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from gadgets.errors import DesparkError, NodeError, PeerLostError, PipelineError, WireError
from gadgets.outside import printable
from pipelines.chains import Chain, Trust, packaged_chain, parse_chain
from pipelines.files import Archive, mended, read_header
from pipelines.host.connections import ClientConnection
from pipelines.host.limits import ServerLimits
from pipelines.host.scan import Scan
from pipelines.messages import Message, MessageID, response_message
from pipelines.version import despark_version

logger = logging.getLogger(__name__)

SPOKEN_VERSION = "4.7.2"
"""The Gadgetron whose protocol this host speaks."""

STOPPED = "the server is shutting down"
STOP_S = 2.0
"""How long a client has to read that the server stops."""

_OPENING = frozenset({MessageID.QUERY, MessageID.FILENAME, MessageID.CONFIG, MessageID.HEADER, MessageID.CLOSE})


class Session:
    """One client's conversation.

    Parameters
    ----------
    client
        The connection.
    name
        Where it comes from, for the log.
    limits
        Of the server.
    trust
        What the client may name.
    scans
        Has a place for each scan that may run at once.
    archive
        Keeps what the client sends.
    """

    def __init__(
        self,
        client: ClientConnection,
        name: str,
        limits: ServerLimits,
        trust: Trust,
        scans: threading.BoundedSemaphore,
        archive: Archive | None = None,
    ) -> None:
        self.name = name
        self._client = client
        self._limits = limits
        self._trust = trust
        self._scans = scans
        self._archive = archive
        self._scan: Scan | None = None
        self._is_stopped = False

    def run(self) -> None:
        """Serve the client to its end."""
        logger.info("%s: connected", self.name)
        reason = ""
        try:
            self._converse()
            logger.info("%s: done", self.name)
        except DesparkError as error:
            reason = STOPPED if self._is_stopped else str(error)
            # A client that is lost may have only stopped sending; then it can still be told.
            level = logging.WARNING if isinstance(error, PeerLostError) else logging.ERROR
            logger.log(level, "%s: %s", self.name, reason)
        except Exception as error:
            logger.exception("%s: unexpected failure", self.name)
            reason = f"the host failed: {error or type(error).__name__}"
        finally:
            self._client.farewell(printable(reason), STOP_S if self._is_stopped else None)
            self._client.close()

    def stop(self) -> None:
        """End the conversation from another thread; the client is told why."""
        self._is_stopped = True
        if self._scan is not None:
            self._scan.stop(STOPPED)
        else:
            self._client.stop_reading()

    def abort(self) -> None:
        """Break the connection."""
        self._client.abort()

    def _converse(self) -> None:
        chain: Chain | None = None
        # Who connects and says nothing, or little and slowly, must not hold a place for ever.
        limit = time.monotonic() + self._limits.stall_s
        while True:
            self._client.limit_silence(max(limit - time.monotonic(), 0.0))
            message = self._client.read(_check_opening)
            if message.id is MessageID.QUERY:
                self._client.send(response_message(message, _answer(message.text)))
            elif message.id in (MessageID.FILENAME, MessageID.CONFIG):
                chain = self._chain_of(message)
            elif message.id is MessageID.HEADER:
                self._run_scan(chain, message)
                return
            else:
                return

    def _chain_of(self, message: Message) -> Chain:
        """Find the chain that a client asks for, and see that it may be run, and can be run here."""
        if message.id is MessageID.FILENAME:
            chain = packaged_chain(message.text)
        else:
            chain = parse_chain(message.body[4:], "the client's configuration")
        chain.check_runnable()
        self._trust.check_chain(chain)
        # Before any process is started: the client gets the reason at once, with the name of the property.
        chain.check_settings()
        return chain

    def _run_scan(self, chain: Chain | None, message: Message) -> None:
        if chain is None:
            raise WireError("expected a configuration (FILENAME or CONFIG) before the HEADER, found none")
        header = message.body[4:]
        # Checked here, so that a fault in it is told by the host and not by whichever node stumbles first.
        read_header(header, "client")
        if not self._scans.acquire(blocking=False):
            raise PipelineError(f"{self._limits.scans} scans run already, no more are taken at once (--scans)")
        try:
            logger.info("%s: scan with %s begins", self.name, chain.source)
            # A scan may pause while others of its connections move; it has its own watch.
            self._client.limit_silence(None)
            self._scan = Scan(chain, mended(header, "client"), self._client, self._limits)
            if self._is_stopped:
                raise NodeError(STOPPED)
            archived = self._archive.begin(header) if self._archive is not None else contextlib.nullcontext()
            with archived as kept:
                self._client.keep_in(kept)
                self._scan.run()
        finally:
            self._client.keep_in(None)
            self._scans.release()


def _check_opening(kind: MessageID) -> None:
    """See that a message belongs before the data: of any other not even the size is believed."""
    if kind not in _OPENING:
        raise WireError(f"expected a configuration and a HEADER before any data, found {kind.name}")


def _answer(query: str) -> str:
    version = despark_version()
    if query in ("gadgetron::version", "gadgetron::info"):
        return f"{SPOKEN_VERSION} (despark {version})"
    if query == "despark::version":
        return version
    return f"Unable to answer {query!r}"
