"""The program of a fork server: ``python spawned.py``, with its socket in the place of standard input."""

# No __future__ here: Python would look for that module, too, before the path is right.
import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # A script's own folder comes first. Its modules are no one's to import by their bare names.
    del sys.path[0]

import socket

if __name__ == "__main__":
    from pipelines.forking.owner import be_spawned

    be_spawned(socket.socket(fileno=0))
