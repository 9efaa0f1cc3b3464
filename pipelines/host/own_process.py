"""A process that runs one node: how it starts, how it is ended, and why it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from gadgets.logbook import this_scan
from pipelines.chains import Node
from pipelines.host.node_log import NodeLog
from pipelines.thread_limits import LIMITS

END_GRACE_S = 2.0
NODE_START = Path(__file__).absolute().with_name("node_start.py")


class OwnProcess:
    """The process of one node, a child of this one.

    The kernel kills it when the thread that makes this ends, so that thread has to wait for the node.

    Parameters
    ----------
    node
        From the chain.
    theirs
        The node's end of the connection.
    """

    def __init__(self, node: Node, theirs: socket.socket) -> None:
        arguments = [str(os.getpid()), str(theirs.fileno()), node.module, node.target]
        # A session of its own: Ctrl-C in the terminal reaches us, and we end the nodes in order.
        self._process = subprocess.Popen(
            [sys.executable, str(NODE_START), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # In one stream, so that a traceback stands where it belongs among the log.
            stderr=subprocess.STDOUT,
            env=_environment(),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._log = NodeLog(self._process.stdout, node.name)

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
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def reason(self, what: str) -> str:
        """Describe why a node failed of which ``what`` was seen: how its process ended and what it said last."""
        # Of a process that is going down, the exit code follows the lost connection; 0 explains nothing.
        code = self.wait(END_GRACE_S)
        if code is not None:
            what = _describe_exit(code) if code else f"{what} (exit code 0)"
        return ": ".join(filter(None, (what, self._log.last_words())))

    def signal(self, number: int) -> None:
        """Send a signal to it, if it still runs."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                # The whole group: a node may have started processes of its own, which would outlive it.
                os.killpg(self.pid, number)

    def end(self) -> None:
        """See that it has ended, some seconds after it was asked to."""
        self.wait(END_GRACE_S)
        # A process that is stopped, for example, does not even see what it is asked.
        self.signal(signal.SIGKILL)
        self.wait(END_GRACE_S)

    def close(self) -> None:
        """Release its log; it has exited or was ended."""
        self._log.close()


def _environment() -> dict[str, str]:
    """Give the environment of a node: ours, with one thread per process for linear algebra.

    An empty entry of PYTHONPATH, as ``PYTHONPATH=$PYTHONPATH:folder`` easily leaves one, means the working directory:
    it goes.
    """
    defaults = {
        "GADGETRON_EXTERNAL_LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
    }
    # What the user has set in the environment goes before ours.
    environment = {**defaults, **LIMITS, **os.environ, **this_scan().variables()}
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, environment["PYTHONPATH"].split(os.pathsep)))
    return environment


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"killed by {name}"
