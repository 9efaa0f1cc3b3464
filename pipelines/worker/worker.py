"""The worker: one process per machine that serves our nodes to the ``<connect>`` of any number of Gadgetrons.

A node that a Gadgetron starts opens its models anew for every scan. Here they are opened and warmed before the
first scan and shared by all that follow, one after another and at once; every scan has a thread of its own.
"""

from __future__ import annotations

import importlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from gadgets.errors import PipelineError
from gadgets.process import WarmStore, using
from gadgets.settings import NODE_SETTINGS, strict, validate
from pipelines.host import IDLE_LIMIT_S
from pipelines.worker.node_session import serve_node
from pipelines.worker.released_memory import give_back
from pipelines.worker.scan_socket import ScanSocket

logger = logging.getLogger(__name__)

NODES = ("acquisition_buffer", "spark_detection", "calibration", "image_fft", "raw_repair")
"""The nodes in the order of their ports."""

GRACE_S = 30.0
"""How long scans that run may go on when the worker is told to stop."""

_JOIN_S = 5.0
_BACKLOG = 64


class Worker:
    """Listens for Gadgetrons, one port per node, and serves each scan in a thread of its own.

    Parameters
    ----------
    ports
        Port by node; 0 takes one that is free.
    bind
        Address to listen on.
    settings
        Properties by node that hold where a scan's CONFIG does not say otherwise.
    idle_limit_s
        A scan whose peer sends nothing for so long is given up.

    Raises
    ------
    SettingsError, ModelError, ProviderError
        A node cannot be run: its settings, its models or the GPU asked for.
    PipelineError
        A port cannot be listened on.
    """

    def __init__(
        self,
        ports: Mapping[str, int],
        bind: str = "127.0.0.1",
        settings: Mapping[str, Mapping[str, str]] | None = None,
        idle_limit_s: float = IDLE_LIMIT_S,
    ) -> None:
        self._settings = {node: dict((settings or {}).get(node, {})) for node in ports}
        self._idle_limit_s = idle_limit_s
        self._warm = WarmStore()
        self._lock = threading.Lock()
        self._scans: dict[threading.Thread, ScanSocket] = {}
        self._stopping = False
        for node in ports:
            # Before it listens: who reaches a port can rely on the node behind it.
            self._rehearse(node)
        # Last: nothing has to be closed again where a model or a setting is at fault.
        self._listeners = _listen(ports, bind)
        self._thread = threading.Thread(target=self._accept, name="worker", daemon=True)

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where each node is to be reached."""
        return {node: listener.getsockname()[:2] for node, listener in self._listeners.items()}

    @property
    def n_scans(self) -> int:
        """How many scans run now."""
        return len(self._scans)

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(grace_s=0.0)

    def start(self) -> None:
        """Begin to accept scans."""
        self._thread.start()

    def stop(self, grace_s: float = GRACE_S, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Accept no more scans, let those that run come to their end, and break off what is left.

        Parameters
        ----------
        grace_s
            How long scans may go on.
        is_urgent
            Asked again and again whether to wait no longer.
        """
        self._stopping = True
        for listener in self._listeners.values():
            # Wakes the thread that waits for connections; the ports are closed once it has ended.
            _shut(listener)
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        for listener in self._listeners.values():
            listener.close()
        limit = time.monotonic() + grace_s
        while self._scans and time.monotonic() < limit and not is_urgent():
            time.sleep(0.02)
        with self._lock:
            # A copy, because scans take themselves out as they end.
            left = list(self._scans.items())
        for thread, connected in left:
            logger.warning("%s: broken off, the worker stops", thread.name)
            _shut(connected)
        for thread, _ in left:
            thread.join(_JOIN_S)

    def _rehearse(self, node: str) -> None:
        """Open what a scan will need, as a scan does: a fault in the set-up shows now."""
        settings = strict(validate(self._settings[node], NODE_SETTINGS[node], node))
        with using(self._warm):
            importlib.import_module(f"gadgets.{node}").open_stage(settings, ())

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            for node, listener in self._listeners.items():
                selector.register(listener, selectors.EVENT_READ, node)
            while not self._stopping:
                # Without a time-out: what ends the wait is the shutdown of the listeners.
                for key, _ in selector.select():
                    if not self._stopping:
                        self._begin(key.data)

    def _begin(self, node: str) -> None:
        try:
            accepted, address = self._listeners[node].accept()
        except OSError as error:
            if not self._stopping:
                logger.warning("%s: a connection could not be accepted (%s)", node, error)
                time.sleep(0.1)
            return
        connected = ScanSocket(accepted)
        name = f"{node} {address[0]}:{address[1]}"
        thread = threading.Thread(target=self._serve, args=(connected, node), name=name, daemon=True)
        with self._lock:
            # Before it starts: a scan that is over at once must find itself here to be taken out.
            self._scans[thread] = connected
        thread.start()

    def _serve(self, connected: ScanSocket, node: str) -> None:
        try:
            with using(self._warm):
                serve_node(connected, node, self._settings[node], self._idle_limit_s)
        except Exception:
            logger.exception("%s: unexpected failure", node)
        finally:
            with self._lock:
                self._scans.pop(threading.current_thread(), None)
                # While others run, memory that one has released is soon used again.
                is_last = not self._scans
            if is_last:
                give_back()


def _listen(ports: Mapping[str, int], bind: str) -> dict[str, socket.socket]:
    """Listen on all ports, or on none."""
    listeners: dict[str, socket.socket] = {}
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for node, port in ports.items():
        try:
            listener = socket.create_server((bind, port), family=family, backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            for other in listeners.values():
                other.close()
            raise PipelineError(f"{node}: cannot listen on {bind}:{port} ({error})") from error
        # Who connects and vanishes before he is accepted must not stop the others.
        listener.setblocking(False)
        listeners[node] = listener
    return listeners


def _shut(connected: socket.socket) -> None:
    """Wake whoever waits on a socket; closing it alone would not."""
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("a socket was not open any more (%s)", error)
