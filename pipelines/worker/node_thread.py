"""One node of a running chain in a thread of this process, over a socket pair."""

from __future__ import annotations

import logging
import socket
import threading

from gadgets.errors import NodeError, PipelineError
from gadgets.process import WarmStore, using
from pipelines.chains import Node
from pipelines.host import EXIT_LIMIT_S, NodeProcess
from pipelines.threads import start_thread
from pipelines.worker.node_session import serve_node
from pipelines.worker.scan_socket import ScanSocket

logger = logging.getLogger(__name__)


class NodeThread(NodeProcess):
    """A node that shares this process, with its models.

    Parameters
    ----------
    node
        From the chain; one of our own.
    warm
        Where models are kept that were opened before, or on the way.
    """

    def __init__(self, node: Node, warm: WarmStore) -> None:
        super().__init__(node)
        self._warm = warm
        self._thread: threading.Thread | None = None
        self._has_failed = False

    def start(self) -> None:
        """Start the thread; it waits for its configuration.

        Raises
        ------
        NodeError
            No thread can be started.
        """
        try:
            # The bytes are those between processes, so the nodes need not know that they share one.
            self._socket, theirs = socket.socketpair()
            thread = threading.Thread(target=self._run, args=(ScanSocket(theirs),), name=self.name, daemon=True)
            start_thread(thread)
        except (OSError, PipelineError) as error:
            raise NodeError(f"node {self.name} cannot be started ({error})") from error
        self._thread = thread

    def wait(self) -> int:
        """Wait for the thread to end and return 0, or 1 where it failed in a way that its messages do not say."""
        if self._thread is not None:
            self._thread.join(EXIT_LIMIT_S)
            if self._thread.is_alive():
                raise NodeError(f"node {self.name} did not end within {EXIT_LIMIT_S:g} s after its CLOSE")
        return int(self._has_failed)

    def _run(self, connected: ScanSocket) -> None:
        try:
            # Entered in the thread itself, as a store is in use for one thread only.
            with using(self._warm):
                serve_node(connected, self.name, {})
        except Exception:
            logger.exception("%s: unexpected failure", self.name)
            self._has_failed = True
