"""A process that runs one node: how it starts, how it is ended, and why it ended."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from gadgets.errors import NodeError, PipelineError
from gadgets.logbook import this_scan
from pipelines.chains import Node
from pipelines.forking import Forked, clean_environment
from pipelines.host.nodes import node_start
from pipelines.host.nodes.node_log import NodeLog
from pipelines.thread_limits import LIMITS

END_GRACE_S = 2.0


class OwnProcess:
    """The process of one node.

    Parameters
    ----------
    node
        From the chain.
    theirs
        The node's end of the connection.

    Raises
    ------
    NodeError
        No process can be started.
    """

    def __init__(self, node: Node, theirs: socket.socket) -> None:
        # What a gadget of ours needs is imported already; of another one nobody knows what it expects of a new process.
        start = node_start.forked if node.is_ours else node_start.anew
        source, sink = os.pipe()
        stream = os.fdopen(source, "rb")
        try:
            self._process = Forked(start, (node.module, node.target), [theirs.fileno(), sink], _environment())
        except OSError as error:
            stream.close()
            raise NodeError(f"node {node.name} cannot be started ({error.strerror or error})") from error
        finally:
            os.close(sink)
        self.pid = self._process.pid
        try:
            self._log = NodeLog(stream, node.name)
        except PipelineError as error:
            self.signal(signal.SIGKILL)
            self._process.close()
            stream.close()
            raise NodeError(f"node {node.name} cannot be started ({error})") from error

    def processor_s(self) -> float | None:
        """Tell how much processor time it has used; None where that cannot be seen."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        # In user mode and in the kernel, counted in ticks.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait(self, limit_s: float) -> int | None:
        """Wait for it to exit and give its exit code; None where it still runs after ``limit_s`` seconds."""
        return self._process.wait(limit_s)

    def reason(self, what: str) -> str:
        """Describe why a node failed of which ``what`` was seen: how its process ended and what it said last."""
        # Of a process that is going down, the exit code follows the lost connection; 0 explains nothing.
        code = self.wait(END_GRACE_S)
        if code is not None:
            what = _describe_exit(code) if code else f"{what} (exit code 0)"
        return ": ".join(filter(None, (what, self._log.last_words())))

    def signal(self, number: int) -> None:
        """Send a signal to it, if it still runs."""
        self._process.signal(number)

    def end(self) -> None:
        """See that it has ended, some seconds after it was asked to."""
        self.wait(END_GRACE_S)
        # A process that is stopped, for example, does not even see what it is asked.
        self.signal(signal.SIGKILL)
        self.wait(END_GRACE_S)

    def close(self) -> None:
        """Release its log; it has exited or was ended."""
        self._log.close()
        self._process.close()


def _environment() -> dict[str, str]:
    """Give the environment of a node: ours, with one thread per process for linear algebra."""
    # What the user has set in the environment goes before ours.
    own = {"GADGETRON_EXTERNAL_LOG_LEVEL": "INFO", "PYTHONUNBUFFERED": "1", **LIMITS}
    return {**own, **clean_environment(), **this_scan().variables()}


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"killed by {name}"
