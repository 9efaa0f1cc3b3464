"""One scan through one chain: its nodes are started, watched while messages move, and ended.

One thread per connection reads and hands on; sending waits while the receiver is busy. What becomes of messages and of
failures, :mod:`pipelines.host.message_flow` decides. However the scan ends, the nodes are ended, and the first failure
goes to the caller.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from gadgets.errors import DesparkError, NodeError, PeerLostError, WireError, in_words
from pipelines.chains import Chain, Node
from pipelines.host.limits import ServerLimits
from pipelines.host.message_flow import Client, MessageFlow
from pipelines.host.nodes import NodeProcess
from pipelines.host.watchdog import Watchdog
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

REST_LIMIT_S = 120.0
"""How long nothing may move after the data ended too early, while nodes send on what came."""

_WATCH_S = 0.5
_STOPPED_S = 5.0
_JOIN_S = 5.0


class Scan:
    """A scan in progress.

    Parameters
    ----------
    chain
        Already checked: it can be run here.
    header
        The MRD header as the nodes get it.
    client
        Read up to and including its HEADER.
    limits
        How long a pause, or a silent node, is waited for.
    open_node
        Makes what runs a node; a process of its own unless said otherwise.
    """

    def __init__(
        self,
        chain: Chain,
        header: bytes,
        client: Client,
        limits: ServerLimits,
        open_node: Callable[[Node], NodeProcess] = NodeProcess,
    ) -> None:
        self._chain = chain
        self._header = header
        self._client = client
        self._limits = limits
        self._nodes = [open_node(node) for node in chain.nodes]
        self._flow = MessageFlow(chain, self._nodes, client)

    def run(self) -> None:
        """Run the scan to its end; every node has exited when this returns.

        Raises
        ------
        NodeError
            A node failed; names it and its reason.
        PeerLostError
            The client went away.
        WireError
            The client sent something that is no message, or one that the chain does not read.
        PipelineError
            No thread can be started.
        """
        threads = [self._thread("client", self._flow.from_client)]
        try:
            # All nodes have their configuration before the first byte of data moves.
            threads += [self._thread(node.name, self._flow.from_node, index) for index, node in self._start_nodes()]
            for thread in threads:
                start_thread(thread)
            self._watch()
        finally:
            self._flow.over.set()
            # Not the client's thread: it may wait for a client that is silent, until the session closes the connection.
            self._end_nodes(threads[1:])
        if self._flow.failure is not None:
            raise self._flow.failure
        if self._flow.n_unwritten:
            logger.info("%s: %d messages had no writer and ended here", self._chain.source, self._flow.n_unwritten)

    def stop(self, reason: str) -> None:
        """End the scan from another thread."""
        self._flow.fail(NodeError(reason))
        for node in self._nodes:
            node.give_up()

    def _start_nodes(self) -> list[tuple[int, NodeProcess]]:
        """Start the nodes, and give those that run; the scan goes on without the others."""
        logger.info("nodes start: %s", ", ".join(node.name for node in self._nodes))
        # All are started before the first is waited for: importing takes most of the time, and they do it at once.
        started = [index for index, node in enumerate(self._nodes) if self._has_done(index, node.start)]
        return [(index, self._nodes[index]) for index in started if self._has_done(index, partial(self._open, index))]

    def _open(self, index: int) -> None:
        """Connect to a node and give it its configuration and the header."""
        node = self._nodes[index]
        node.connect()
        node.open(node.node.configuration, self._header)

    def _has_done(self, index: int, step: Callable[[], None]) -> bool:
        """Do what has to be done with a node before any data; False where the scan goes on without it."""
        try:
            step()
        except NodeError as error:
            if not self._flow.can_go_round(index):
                raise
            self._flow.go_round(index, error)
            return False
        return True

    def _watch(self) -> None:
        watchdogs = self._watchdogs()
        looked = time.monotonic()
        while not self._flow.over.wait(_WATCH_S):
            now = time.monotonic()
            if now - looked > _STOPPED_S:
                # This process did not run, and its nodes hardly did: a container was paused. Nobody is to blame for it.
                self._flow.last_moved, watchdogs = now, self._watchdogs()
            looked = now
            for watchdog in watchdogs:
                # Whoever reads from the node then learns that it is lost, and the scan goes on as without any other.
                watchdog.look()
            limit_s = min(self._limits.idle_s, REST_LIMIT_S) if self._flow.has_ended_early else self._limits.idle_s
            if self._client.is_lost():
                self._flow.fail(PeerLostError("the client went away"))
            elif time.monotonic() - self._flow.last_moved > limit_s:
                error = WireError(f"nothing moved for {limit_s:g} s; the scan is given up")
                # In a thread of its own: a node that is stuck takes no CLOSE either.
                start_thread(self._thread("end", self._flow.end_early, error))

    def _watchdogs(self) -> list[Watchdog]:
        return [Watchdog(node, self._limits.node_s) for node in self._nodes]

    def _thread(self, name: str, work: Callable[..., None], *arguments: object) -> threading.Thread:
        # What it logs belongs to this scan.
        context = contextvars.copy_context()
        return threading.Thread(target=context.run, args=(self._guard, work, *arguments), name=name, daemon=True)

    def _guard(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except DesparkError as error:
            self._flow.fail(error)
        except Exception as error:
            logger.exception("%s: unexpected failure", self._chain.source)
            self._flow.fail(NodeError(f"the host failed: {in_words(error)}"))

    def _end_nodes(self, threads: list[threading.Thread]) -> None:
        for node in self._nodes:
            # All are asked before one is waited for: each may take some seconds to end.
            node.ask_to_end()
        for node in self._nodes:
            node.end()
        for thread in threads:
            if thread.is_alive():
                thread.join(_JOIN_S)
        for node in self._nodes:
            node.close()
