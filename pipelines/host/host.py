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
import time
from collections.abc import Callable
from types import TracebackType

from pipelines.chains import OURS, Trust, packaged_chain
from pipelines.files import Archive
from pipelines.host.connections import ClientConnection
from pipelines.host.limits import CROWDED_S, USUAL_LIMITS, ServerLimits
from pipelines.host.reception import Reception
from pipelines.host.service import Service
from pipelines.host.session import STOP_S, Session
from pipelines.messages import CLOSE, MessageID, text_message
from pipelines.monitoring import Metrics

logger = logging.getLogger(__name__)

# When the server stops: for scans to end with all their nodes, and for their clients to read why.
_JOIN_S = 15.0


class Host:
    """Listens for clients and serves each in a thread of its own.

    Parameters
    ----------
    bind
        Address to listen on.
    port
        Port to listen on; 0 takes one that is free.
    limits
        How much clients get at most, and how long they are waited for.
    trust
        What clients may name beyond the gadgets and chains of despark.
    archive
        Keeps what clients send.
    default_chain
        Run where a client names a configuration that is not known; empty: that is an error.

    Raises
    ------
    PipelineError
        The address cannot be listened on, or there is no such default chain.
    """

    def __init__(
        self,
        bind: str = "127.0.0.1",
        port: int = 0,
        limits: ServerLimits = USUAL_LIMITS,
        trust: Trust = OURS,
        archive: Archive | None = None,
        default_chain: str = "",
    ) -> None:
        if default_chain:
            # At the start: else a wrong name would show when the first client needs it.
            packaged_chain(default_chain).check_runnable()
        self._service = Service(limits, trust, archive, default_chain)
        self._lock = threading.Lock()
        self._sessions: set[Session] = set()
        self._reception = Reception({"host": port}, bind, self._serve, _refusal, limits.connections, self._make_room)
        self.address = self._reception.addresses["host"]

    def __enter__(self) -> Host:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to accept clients."""
        self._reception.start()

    @property
    def metrics(self) -> Metrics:
        """The counts of its scans."""
        return self._service.metrics

    @property
    def n_scans(self) -> int:
        """How many clients have a scan now."""
        with self._lock:
            return sum(session.has_scan for session in self._sessions)

    @property
    def is_stopping(self) -> bool:
        """Whether no further client is accepted."""
        return self._reception.is_closed

    def stop(self, grace_s: float = 0.0, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Accept no more clients, end the scans that run and all their nodes; each client is told.

        Parameters
        ----------
        grace_s
            How long scans may go on before that.
        is_urgent
            Asked again and again whether to wait no longer.
        """
        self._reception.close()
        limit = time.monotonic() + grace_s
        while self.n_scans and time.monotonic() < limit and not is_urgent():
            time.sleep(0.02)
        with self._lock:
            # A copy, as sessions take themselves out when they end.
            sessions = list(self._sessions)
        for session in sessions:
            session.stop()
        # A client that does not read what it is told must not keep the server from stopping.
        if not self._reception.join(_JOIN_S):
            for session in sessions:
                session.abort()
            self._reception.join(STOP_S)

    def _make_room(self) -> bool:
        with self._lock:
            longest = max(self._sessions, key=lambda session: session.idle_s, default=None)
        if longest is None or longest.idle_s < CROWDED_S:
            return False
        logger.warning("%s: broken off, has no scan for %.0f s and others wait", longest.name, longest.idle_s)
        longest.abort()
        return True

    def _serve(self, _: str, connection: socket.socket, origin: str) -> None:
        session = Session(ClientConnection(connection, self._service.limits.stall_s), origin, self._service)
        with self._lock:
            self._sessions.add(session)
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.discard(session)


def _refusal(reason: str) -> bytes:
    return bytes(text_message(MessageID.TEXT, reason).data) + bytes(CLOSE.data)
