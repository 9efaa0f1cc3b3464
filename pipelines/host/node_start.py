"""What a node's process does first: ``python node_start.py HOST_PID PORT MODULE TARGET``.

The same as ``python -m gadgetron PORT MODULE TARGET``, but for two things. Nothing is imported from the working
directory, which ``-m`` puts first: a folder with data may hold a numpy.py. And the node ends with its host.
"""

# No __future__ here: Python would look for that module, too, before the path is right.
import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # A script's own folder comes first. Its modules are no one's to import by their bare names.
    del sys.path[0]

import ctypes
import os
import runpy
import signal

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind the process to its host, then be the node that the other arguments name."""
    end_with(int(sys.argv.pop(1)))
    runpy.run_module("gadgetron", run_name="__main__", alter_sys=True)


def end_with(host: int) -> None:
    """Let the kernel kill this process when its host is gone, however that ends.

    Without its host the gadgetron package reads the end of the connection again and again, for ever.

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
    main()
