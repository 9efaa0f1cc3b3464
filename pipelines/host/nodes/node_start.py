"""What a node's process does first: in a fork, or as ``python node_start.py DESCRIPTOR MODULE TARGET``.

The same as ``python -m gadgetron PORT MODULE TARGET``, but for these things. Nothing is imported from the working
directory, which ``-m`` puts first: a folder with data may hold a numpy.py. And the connection is there already, one end
of a pair, so that no other process can take the node's place.
"""

# No __future__ here: Python would look for that module, too, before the path is right.
import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # A script's own folder comes first. Its modules are no one's to import by their bare names.
    del sys.path[0]

import importlib
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path

MODULES = (
    "pipelines.files",
    "gadgetron.__main__",
    "gadgetron.external.connection",
    "gadgets.acquisition_buffer",
    "gadgets.spark_detection",
    "gadgets.calibration",
    "gadgets.image_fft",
    "gadgets.raw_repair",
)
"""What readers of files and our nodes need."""

NODE_START = Path(__file__).absolute()
LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s [ext. %(process)d {}.{}] %(message)s"
"""That of the package."""


class HostSocket(socket.socket):
    """The connection to the host, which the package reads again and again, for ever, once it has ended."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive bytes; raises ConnectionError at the end."""
        received = super().recv(bufsize, flags)
        if bufsize and not received:
            raise ConnectionError("the host has closed the connection")
        return received


def imports() -> Iterator[None]:
    """Import what nodes need, one module after the other."""
    for module in MODULES:
        importlib.import_module(module)
        yield
    # Not at the top: a process that is none of ours has no need of it.
    from onnx_models.runtime import onnx_runtime

    onnx_runtime()
    yield


def forked(module: str, target: str, connection: int, output: int) -> None:
    """Be a node in a process that has been forked, and has imported what the node needs."""
    # Not at the top: a process that is none of ours has no need of it.
    from pipelines.monitoring import JsonLines

    _write_to(output)
    main(connection, module, target, JsonLines())


def anew(module: str, target: str, connection: int, output: int) -> None:
    """Be a node in place of the process that has been forked: with an interpreter that has imported nothing."""
    _write_to(output)
    os.set_inheritable(connection, True)
    os.execv(sys.executable, [sys.executable, str(NODE_START), str(connection), module, target])


def _write_to(output: int) -> None:
    """Write to the host, in one stream, so that a traceback stands where it belongs among the log."""
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)


def main(descriptor: int, module: str, target: str, lines: logging.Formatter | None = None) -> None:
    """Be the node, which logs in the package's format, as the host reads it, unless it is given another."""
    from gadgetron.__main__ import load_target
    from gadgetron.external.connection import Connection

    # The parser of headers quotes values in its warnings; what is said of a patient must stand in no log. Only now,
    # because to import it puts a filter of its own in front.
    warnings.filterwarnings("ignore", message="Failed to convert value")
    level = logging.getLevelName(os.environ.get("GADGETRON_EXTERNAL_LOG_LEVEL", "INFO").upper())
    handler = logging.StreamHandler()
    handler.setFormatter(lines or logging.Formatter(LOG_FORMAT.format(module, target), "%m-%d %H:%M:%S"))
    # A level that there is not must not cost a scan its repair.
    logging.basicConfig(level=level if isinstance(level, int) else logging.INFO, handlers=[handler])
    # Programs that the node starts have no business with it.
    os.set_inheritable(descriptor, False)
    with Connection(HostSocket(fileno=descriptor)) as connection:
        load_target({"module": module, "target": target})(connection)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
