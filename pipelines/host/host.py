"""The embedded host: does for Python chains what a Gadgetron does, for any Gadgetron client.

::

    with Host(port=0) as host:      # port 0: one that is free
        …                           # clients connect to host.address

A client says which chain it wants (FILENAME, one of those that come with despark, or CONFIG, the XML itself), sends
the MRD HEADER and its data, and gets back what the chain writes. Failures come back as TEXT with their reason, before
the CLOSE. Many clients are served at once; each has nodes of its own.
"""

from __future__ import annotations

import logging
import socket
import threading
from types import TracebackType

from gadgets.errors import DesparkError, PeerLostError, PipelineError, WireError
from pipelines.chains import Chain, packaged_chain, parse_chain
from pipelines.files import mended, read_header
from pipelines.host.connections import ClientConnection
from pipelines.host.scan import IDLE_LIMIT_S, Scan
from pipelines.messages import Message, MessageID, response_message
from pipelines.version import despark_version

logger = logging.getLogger(__name__)

SPOKEN_VERSION = "4.7.2"
"""The Gadgetron whose protocol this host speaks."""

_JOIN_S = 10.0


class Host:
    """Listens for clients and serves each in a thread of its own.

    Parameters
    ----------
    bind
        Address to listen on. Whoever can connect can run any Python module that is installed, as on a Gadgetron.
    port
        Port to listen on; 0 takes one that is free.
    idle_limit_s
        Without a message for so long a scan is given up.

    Raises
    ------
    PipelineError
        The address cannot be listened on.
    """

    def __init__(self, bind: str = "127.0.0.1", port: int = 0, idle_limit_s: float = IDLE_LIMIT_S) -> None:
        try:
            # Only addresses of IPv6 have colons.
            family = socket.AF_INET6 if ":" in bind else socket.AF_INET
            self._listener = socket.create_server((bind, port), family=family, backlog=64)
        except (OSError, OverflowError) as error:
            raise PipelineError(f"cannot listen on {bind}:{port} ({error})") from error
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._idle_limit_s = idle_limit_s
        self._lock = threading.Lock()
        self._sessions: dict[threading.Thread, Session] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="host", daemon=True)

    def __enter__(self) -> Host:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to accept clients."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more clients, end the scans that run and all their nodes."""
        self._stopping = True
        # Closing alone would leave the thread in its accept().
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            logger.debug("the listening socket was not open any more (%s)", error)
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions.items())
        for _, session in sessions:
            session.stop()
        for thread in (self._thread, *(thread for thread, _ in sessions)):
            if thread.is_alive():
                thread.join(_JOIN_S)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, address = self._listener.accept()
            except OSError as error:
                if self._stopping:
                    return
                logger.warning("a client could not be accepted (%s)", error)
                # No descriptors are left, for example: a moment later there may be some again.
                threading.Event().wait(0.1)
                continue
            session = Session(ClientConnection(connection), f"{address[0]}:{address[1]}", self._idle_limit_s)
            thread = threading.Thread(target=self._serve, args=(session,), name=session.name, daemon=True)
            with self._lock:
                # Before it starts: a session that is over at once must find itself here to be taken out.
                self._sessions[thread] = session
            thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.pop(threading.current_thread(), None)


class Session:
    """One client's conversation.

    Parameters
    ----------
    client
        The connection.
    name
        Where it comes from, for the log.
    idle_limit_s
        Without a message for so long a scan is given up.
    """

    def __init__(self, client: ClientConnection, name: str, idle_limit_s: float) -> None:
        self.name = name
        self._client = client
        self._idle_limit_s = idle_limit_s
        self._scan: Scan | None = None

    def run(self) -> None:
        """Serve the client to its end."""
        logger.info("%s: connected", self.name)
        reason = ""
        try:
            self._converse()
            logger.info("%s: done", self.name)
        except PeerLostError as error:
            # It may have only stopped sending; then it can still be told.
            logger.warning("%s: %s", self.name, error)
            reason = str(error)
        except DesparkError as error:
            logger.error("%s: %s", self.name, error)
            reason = str(error)
        except Exception as error:
            logger.exception("%s: unexpected failure", self.name)
            reason = f"the host failed: {error or type(error).__name__}"
        finally:
            self._client.farewell(reason)
            self._client.close()

    def stop(self) -> None:
        """End the conversation from another thread."""
        if self._scan is not None:
            self._scan.stop()
        self._client.abort()

    def _converse(self) -> None:
        chain: Chain | None = None
        # Who connects and says nothing must not hold a thread for ever.
        self._client.limit_silence(self._idle_limit_s)
        while True:
            message = self._client.read()
            if message.id is MessageID.QUERY:
                self._client.send(response_message(message, _answer(message.text)))
            elif message.id in (MessageID.FILENAME, MessageID.CONFIG):
                chain = _chain_of(message)
            elif message.id is MessageID.HEADER:
                self._run_scan(chain, message)
                return
            elif message.id is MessageID.CLOSE:
                return
            else:
                raise WireError(f"expected a configuration and a HEADER before any data, found {message.id.name}")

    def _run_scan(self, chain: Chain | None, message: Message) -> None:
        if chain is None:
            raise WireError("expected a configuration (FILENAME or CONFIG) before the HEADER, found none")
        header = message.body[4:]
        # Checked here, so that a fault in it is told by the host and not by whichever node stumbles first.
        read_header(header, "client")
        logger.info("%s: scan with %s begins", self.name, chain.source)
        # A scan may pause while others of its connections move; it has its own watch.
        self._client.limit_silence(None)
        self._scan = Scan(chain, mended(header, "client"), self._client, self._idle_limit_s)
        self._scan.run()


def _chain_of(message: Message) -> Chain:
    """Find the chain that a client asks for, and see that it can be run here."""
    if message.id is MessageID.FILENAME:
        chain = packaged_chain(message.text)
    else:
        chain = parse_chain(message.body[4:], "the client's configuration")
    chain.check_runnable()
    # Before any process is started: the client gets the reason at once, with the name of the property.
    chain.check_settings()
    return chain


def _answer(query: str) -> str:
    version = despark_version()
    if query in ("gadgetron::version", "gadgetron::info"):
        return f"{SPOKEN_VERSION} (despark {version})"
    if query == "despark::version":
        return version
    return f"Unable to answer {query!r}"
