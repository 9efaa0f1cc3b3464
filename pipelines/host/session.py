"""One client's conversation with the host."""

from __future__ import annotations

import contextlib
import logging
import time

from gadgets.errors import DesparkError, NodeError, PeerLostError, PipelineError, WireError, in_words
from gadgets.logbook import ScanName, in_scan, note_scan, show_running
from gadgets.outside import printable
from gadgets.wire import facts_of
from pipelines.chains import AskedChains, Chain
from pipelines.files import ArchivedScan, read_and_mend
from pipelines.host.connections import ClientConnection
from pipelines.host.parameters import read_parameters
from pipelines.host.scan import Scan
from pipelines.host.service import Service
from pipelines.messages import Message, MessageID, response_message
from pipelines.version import despark_version

logger = logging.getLogger(__name__)

SPOKEN_VERSION = "4.7.2"
"""The Gadgetron whose protocol this host speaks."""

PARAMETERS_WAIT_S = 0.2
"""How long the nodes are not started yet, as parameters may come behind the header."""

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
    service
        What the host gives to all of its clients.
    """

    def __init__(self, client: ClientConnection, name: str, service: Service) -> None:
        self.name = name
        self._client = client
        self._service = service
        self._limits = service.limits
        self._asked = AskedChains(name, service.trust, service.default_chain)
        self._scan: Scan | None = None
        # What is said of a scan names it, also after its end.
        self._until_end = contextlib.ExitStack()
        self._is_stopped = False
        self._idle_since: float | None = time.monotonic()

    def run(self) -> None:
        """Serve the client to its end."""
        with self._until_end:
            self._serve()

    def _serve(self) -> None:
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
            reason = f"the host failed: {in_words(error)}"
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

    @property
    def has_scan(self) -> bool:
        """Whether a scan runs, or has run, for the client."""
        return self._scan is not None

    @property
    def idle_s(self) -> float:
        """For how long the client has had its place without a scan: before one, or after it."""
        return 0.0 if self._idle_since is None else time.monotonic() - self._idle_since

    def abort(self) -> None:
        """Break the connection."""
        # Whoever looks for another one to break off does not find this one again.
        self._idle_since = None
        self._client.abort()

    def _converse(self) -> None:
        chain: Chain | None = None
        # Who connects and says nothing, or little and slowly, must not hold a place for ever.
        limit = time.monotonic() + self._limits.stall_s
        # Looked at before each message: one who never falls silent is as little let go on.
        while (left_s := limit - time.monotonic()) > 0:
            self._client.limit_silence(left_s)
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
        raise WireError(f"no HEADER came within {self._limits.stall_s:g} s")

    def _chain_of(self, message: Message) -> Chain:
        if message.id is MessageID.FILENAME:
            return self._asked.named(message.text)
        return self._asked.sent(message.body[4:])

    def _with_parameters(self, chain: Chain) -> Chain:
        """Give the chain as the client's parameters want it, where it sends any behind its header."""
        text = self._client.text_ahead(PARAMETERS_WAIT_S)
        if text is None:
            return chain
        parameters = read_parameters(text)
        changed = self._asked.changed(chain, parameters.configuration, parameters.settings)
        logger.info("%s: parameters: %s", self.name, ", ".join(parameters.settings) or "none of ours")
        return changed

    def _run_scan(self, chain: Chain | None, message: Message) -> None:
        if chain is None:
            raise WireError("expected a configuration (FILENAME or CONFIG) before the HEADER, found none")
        header = message.body[4:]
        name = self._until_end.enter_context(in_scan(ScanName.new(self.name)))
        # Checked here, so that a fault in it is told by the host and not by whichever node stumbles first.
        usual, parsed = read_and_mend(header, "client")
        facts = facts_of(parsed)
        note_scan(protocol=facts.protocol)
        chain = self._with_parameters(chain)
        if not self._service.places.acquire(blocking=False):
            raise PipelineError(f"{self._limits.scans} scans run already, no more are taken at once (--scans)")
        try:
            logger.info("%s: scan with %s begins", self.name, chain.source)
            # A scan may pause while others of its connections move; it has its own watch.
            self._client.limit_silence(None)
            self._idle_since = None
            self._scan = Scan(chain, usual, self._client, self._limits)
            # A stop that came before there was a scan could not end it: one of both always sees the other.
            if self._is_stopped:
                raise NodeError(STOPPED)
            with (
                show_running(name, chain.source, facts),
                self._begin(chain, header) as kept,
                self._service.metrics.scan(),
            ):
                self._client.keep_in(kept)
                self._scan.run()
        finally:
            self._client.keep_in(None)
            self._service.places.release()
            self._idle_since = time.monotonic()

    def _begin(self, chain: Chain, header: bytes) -> contextlib.AbstractContextManager[ArchivedScan | None]:
        archive = self._service.archive
        return contextlib.nullcontext() if archive is None else archive.begin(header, chain.own_settings)


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
