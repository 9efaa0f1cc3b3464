"""The door of a server: accepts whoever connects, each in a thread of its own, and never more than there is room for.

It must not close by itself. Whatever goes wrong with one connection (no descriptor, no memory, no thread for it) is
over with that connection: a server that lives on and accepts nobody looks well and loses every scan.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping

from gadgets.errors import PipelineError, in_words
from pipelines.host.limits import room_for_connections
from pipelines.host.listening import listen
from pipelines.host.refused import RefusedClients
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

N_CONNECTIONS = 64
"""How many there may be at once, those that have said nothing yet included."""

_PAUSE_S = 0.1
_QUIET_S = 60.0
_JOIN_S = 5.0


class Reception:
    """Listens on one or several ports and serves each connection in a thread.

    Parameters
    ----------
    ports
        Port by name; 0 takes one that is free.
    bind
        Address to listen on.
    serve
        Called in a thread with the port's name, the connection and where it comes from; closes the connection.
    refusal
        Gives the bytes that tell a client why it is not served.
    n_connections
        How many are served at once; fewer where the system gives too few descriptors.
    make_room
        Called where there are as many: breaks off one that holds a place for nothing, and says whether there was one.

    Raises
    ------
    PipelineError
        A port cannot be listened on.
    """

    def __init__(
        self,
        ports: Mapping[str, int],
        bind: str,
        serve: Callable[[str, socket.socket, str], None],
        refusal: Callable[[str], bytes],
        n_connections: int = N_CONNECTIONS,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self._serve = serve
        self._refusal = refusal
        self._n_connections = min(n_connections, room_for_connections())
        self._which_limit = "--connections" if self._n_connections == n_connections else "ulimit -n"
        self._make_room = make_room
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._refused = RefusedClients(self._n_connections)
        self._complained = -_QUIET_S
        self._stopping = False
        self._listeners = listen(ports, bind)
        # Asked once: a listener that is closed has no address any more, and monitors may still ask.
        self.addresses: dict[str, tuple[str, int]] = {
            name: listener.getsockname()[:2] for name, listener in self._listeners.items()
        }
        self._thread = threading.Thread(target=self._receive, name="reception", daemon=True)

    @property
    def is_closed(self) -> bool:
        """Whether nobody is accepted any more."""
        return self._stopping

    def start(self) -> None:
        """Begin to accept."""
        try:
            start_thread(self._thread)
        except PipelineError:
            self.close()
            raise

    def close(self) -> None:
        """Accept no more; connections that are served go on."""
        self._stopping = True
        for listener in self._listeners.values():
            # Wakes the thread that waits for connections; the ports are closed once it has ended.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        for listener in self._listeners.values():
            listener.close()

    def join(self, limit_s: float) -> bool:
        """Wait until all who were served are gone, and say whether they are."""
        limit = time.monotonic() + limit_s
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(limit - time.monotonic(), 0.0))
        return not any(thread.is_alive() for thread in threads)

    def _receive(self) -> None:
        with selectors.DefaultSelector() as selector:
            for name, listener in self._listeners.items():
                selector.register(listener, selectors.EVENT_READ, name)
            while not self._stopping:
                try:
                    # Without a time-out, unless somebody refused is still there: a shutdown ends the wait, too.
                    ready = selector.select(_PAUSE_S if self._refused else None)
                    self._refused.let_go()
                    for key, _ in ready:
                        if not self._stopping:
                            self._accept(key.data)
                # No memory, for example: a moment later there may be some again.
                except Exception as error:  # noqa: BLE001 - it is said, and the door stays open
                    self._complain(f"a connection could not be accepted ({in_words(error)})", error)
        self._refused.close()

    def _accept(self, name: str) -> None:
        try:
            connection, address = self._listeners[name].accept()
        except OSError as error:
            if not self._stopping:
                self._complain(f"{name}: a connection could not be accepted ({error})")
            return
        origin = f"{address[0]}:{address[1]}"
        reason = ""
        with self._lock:
            is_full = len(self._threads) >= self._n_connections
        # Who is broken off is gone in a moment; until then there is one more.
        if is_full and not self._make_room():
            reason = f"{self._n_connections} connections are open, no more are taken ({self._which_limit})"
        if not reason:
            try:
                self._begin(name, connection, origin)
            # What Python raises where the system has no thread to give.
            except (RuntimeError, MemoryError) as error:
                reason = f"no thread can be started for another connection ({error})"
        if reason:
            self._refused.add(connection, self._refusal(reason), f"{name}: {origin} is refused: {reason}")
        else:
            self._refused.note_served()

    def _complain(self, what: str, error: Exception | None = None) -> None:
        """Say now and then what goes wrong again and again, and pause: the log must not be filled by it."""
        if time.monotonic() - self._complained >= _QUIET_S:
            self._complained = time.monotonic()
            logger.error("%s", what, exc_info=error)
        time.sleep(_PAUSE_S)

    def _begin(self, name: str, connection: socket.socket, origin: str) -> None:
        thread = threading.Thread(
            target=self._run, args=(name, connection, origin), name=f"{name} {origin}", daemon=True
        )
        with self._lock:
            # Before it starts: one that is over at once must find itself here to be taken out.
            self._threads.add(thread)
        try:
            thread.start()
        except BaseException:
            with self._lock:
                self._threads.discard(thread)
            raise

    def _run(self, name: str, connection: socket.socket, origin: str) -> None:
        try:
            # The listeners do not block, and what they accept may be like them.
            connection.setblocking(True)
            self._serve(name, connection, origin)
        except Exception:
            logger.exception("%s: unexpected failure, of %s", name, origin)
        finally:
            with contextlib.suppress(OSError):
                connection.close()
            with self._lock:
                self._threads.discard(threading.current_thread())
