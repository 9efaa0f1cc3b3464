"""The embedded host: does for Python chains what a Gadgetron does, for any Gadgetron client.

::

    with Host(port=0) as host:      # port 0: one that is free
        …                           # clients connect to host.address

A client says which chain it wants (FILENAME, one of those that come with despark, or CONFIG, the XML itself), sends
the MRD HEADER and its data, and gets back what the chain writes. Failures come back as TEXT with their reason, before
the CLOSE. Many clients are served at once; each has nodes of its own.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import TracebackType

from pipelines.chains import OURS, Trust, packaged_chain
from pipelines.files import Archive
from pipelines.host.connections import ClientConnection
from pipelines.host.guests import Guests
from pipelines.host.limits import USUAL_LIMITS, ServerLimits
from pipelines.host.reception import Reception
from pipelines.host.service import Service
from pipelines.host.session import STOP_S, Session
from pipelines.messages import CLOSE, MessageID, text_message
from pipelines.monitoring import Metrics

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
        self._sessions = Guests[Session]()
        make_room = self._sessions.make_room
        self._reception = Reception({"host": port}, bind, self._serve, _refusal, limits.connections, make_room)
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
        self._sessions.see_off(self._reception, Session.stop, _JOIN_S, STOP_S)

    def _serve(self, _: str, connection: socket.socket, origin: str) -> None:
        session = Session(ClientConnection(connection, self._service.limits.stall_s), origin, self._service)
        with self._sessions.present(session):
            session.run()


def _refusal(reason: str) -> bytes:
    return bytes(text_message(MessageID.TEXT, reason).data) + bytes(CLOSE.data)
