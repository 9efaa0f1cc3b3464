"""What a node's process does first: ``python node_start.py HOST_PID DESCRIPTOR MODULE TARGET``.

The same as ``python -m gadgetron PORT MODULE TARGET``, but for these things. Nothing is imported from the working
directory, which ``-m`` puts first: a folder with data may hold a numpy.py. The connection is there already, one end of
a pair, so that no other process can take the node's place. And the node ends with its host.
"""

# No __future__ here: Python would look for that module, too, before the path is right.
import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # A script's own folder comes first. Its modules are no one's to import by their bare names.
    del sys.path[0]

import ctypes
import logging
import os
import signal
import socket
import warnings

_PR_SET_PDEATHSIG = 1
LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s [ext. %(process)d {}.{}] %(message)s"
"""That of the package, as the host reads it."""


class HostSocket(socket.socket):
    """The connection to the host, which the package reads again and again, for ever, once it has ended."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive bytes; raises ConnectionError at the end."""
        received = super().recv(bufsize, flags)
        if bufsize and not received:
            raise ConnectionError("the host has closed the connection")
        return received


def main(host: int, descriptor: int, module: str, target: str) -> None:
    """Bind the process to its host, then be the node."""
    end_with(host)
    # Slow to import; by now the host may be gone.
    from gadgetron.__main__ import load_target
    from gadgetron.external.connection import Connection

    # The parser of headers quotes values in its warnings; what is said of a patient must stand in no log. Only now,
    # because to import it puts a filter of its own in front.
    warnings.filterwarnings("ignore", message="Failed to convert value")
    level = logging.getLevelName(os.environ.get("GADGETRON_EXTERNAL_LOG_LEVEL", "INFO"))
    logging.basicConfig(format=LOG_FORMAT.format(module, target), level=level, datefmt="%m-%d %H:%M:%S")
    # Programs that the node starts have no business with it.
    os.set_inheritable(descriptor, False)
    with Connection(HostSocket(fileno=descriptor)) as connection:
        load_target({"module": module, "target": target})(connection)


def end_with(host: int) -> None:
    """Let the kernel kill this process when its host is gone, however that ends.

    Parameters
    ----------
    host
        Process id of the host, which started this process.

    Raises
    ------
    SystemExit
        The host is gone already.
    """
    if sys.platform.startswith("linux"):
        # Where the kernel refuses, a node still does its work; so the answer is not looked at.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    parent = os.getppid()
    if parent != host:
        raise SystemExit(f"expected to be started by the host, process {host}; found process {parent} in its place")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
