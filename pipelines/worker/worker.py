"""The worker: one process per machine that serves our nodes to the ``<connect>`` of any number of Gadgetrons.

A node that a Gadgetron starts opens its models anew for every scan. Here they are opened and warmed before the
first scan and shared by all that follow, one after another and at once; every scan has a thread of its own.
"""

from __future__ import annotations

import importlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from gadgets.findings import ScanFacts
from gadgets.logbook import ScanName, in_scan
from gadgets.outside import machine_bytes
from gadgets.process import WarmStore, using
from gadgets.settings import NODE_SETTINGS, strict, validate
from pipelines.chains import OURS, Trust
from pipelines.files import Archive
from pipelines.host import USUAL_LIMITS, Guests, Reception, ServerLimits
from pipelines.messages import CLOSE, MessageID, text_message
from pipelines.monitoring import Metrics
from pipelines.threads import start_thread
from pipelines.worker.node_session import CLOSE_BYTES, serve_node
from pipelines.worker.released_memory import give_back, resident_bytes
from pipelines.worker.scan_socket import ScanSocket

logger = logging.getLogger(__name__)

NODES = ("acquisition_buffer", "spark_detection", "calibration", "image_fft", "raw_repair")
"""The nodes in the order of their ports."""

GRACE_S = 30.0
"""How long scans that run may go on when the worker is told to stop."""

STOPPED = "the worker was stopped before the scan had ended"

FULL = 0.85
"""Of the memory that the process can have."""

_JOIN_S = 5.0
_WATCH_S = 0.5


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
    limits
        How many are served at once, and how long they are waited for.
    trust
        What clients may name; of settings, those that name files.
    archive
        Keeps what comes to nodes that take acquisitions.

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
        limits: ServerLimits = USUAL_LIMITS,
        trust: Trust = OURS,
        archive: Archive | None = None,
    ) -> None:
        self._settings = {node: dict((settings or {}).get(node, {})) for node in ports}
        self._limits = limits
        self._trust = trust
        self._archive = archive
        self.metrics = Metrics()
        self._warm = WarmStore()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._watch_memory, name="memory", daemon=True)
        self._scans = Guests[ScanSocket]()
        for node in ports:
            # Before it listens: who reaches a port can rely on the node behind it.
            self._rehearse(node)
        # Last: nothing has to be closed again where a model or a setting is at fault.
        self._reception = Reception(ports, bind, self._serve, _refusal, limits.connections, self._scans.make_room)

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where each node is to be reached."""
        return self._reception.addresses

    @property
    def n_scans(self) -> int:
        """How many scans run now."""
        return len(self._scans)

    @property
    def is_stopping(self) -> bool:
        """Whether no further scan is accepted."""
        return self._reception.is_closed

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(grace_s=0.0)

    def start(self) -> None:
        """Begin to accept scans."""
        self._reception.start()
        start_thread(self._watch)

    def stop(self, grace_s: float = GRACE_S, is_urgent: Callable[[], bool] = lambda: False) -> None:
        """Accept no more scans, let those that run come to their end, and break off what is left; each peer is told.

        Parameters
        ----------
        grace_s
            How long scans may go on.
        is_urgent
            Asked again and again whether to wait no longer.
        """
        self._stopping.set()
        self._reception.close()
        limit = time.monotonic() + grace_s
        # A loop, because three things may end it: the last scan, the time, and a second signal.
        while self._scans and time.monotonic() < limit and not is_urgent():
            time.sleep(0.02)
        self._scans.see_off(self._reception, _break_off, _JOIN_S, _JOIN_S)

    def _watch_memory(self) -> None:
        """Break off the scan of which most came, before the system ends all of them for want of memory."""
        while not self._stopping.wait(_WATCH_S):
            if resident_bytes() <= FULL * machine_bytes():
                continue
            largest = max(self._scans, key=lambda scan: scan.n_received, default=None)
            if largest is not None and largest.n_received:
                logger.error("%s: broken off, the memory is full", largest.name)
                largest.abort()
                # What it held is given back when its thread has ended.
                self._stopping.wait(_JOIN_S)

    def _rehearse(self, node: str) -> None:
        """Open what a scan will need, as a scan does: a fault in the set-up shows now."""
        settings = strict(validate(self._settings[node], NODE_SETTINGS[node], node))
        with using(self._warm):
            importlib.import_module(f"gadgets.{node}").open_stage(settings, (), ScanFacts())

    def _serve(self, node: str, accepted: socket.socket, origin: str) -> None:
        connected = ScanSocket(accepted, f"{node} {origin}")
        try:
            with (
                self._scans.present(connected),
                using(self._warm),
                in_scan(ScanName.new(origin)),
                self.metrics.scan() as served,
            ):
                serve_node(connected, node, self._settings[node], self._limits, self._trust, self._archive)
                served.is_scan = connected.n_received > CLOSE_BYTES
        finally:
            # While others run, memory that one has released is soon used again.
            if not self._scans:
                give_back()


def _break_off(connected: ScanSocket) -> None:
    logger.warning("%s: broken off, the worker stops", connected.name)
    connected.stop_reading(STOPPED)


def _refusal(reason: str) -> bytes:
    return bytes(text_message(MessageID.ERROR, reason).data) + bytes(CLOSE.data)
