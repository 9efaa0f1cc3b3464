"""Ask a Gadgetron (or ``despark serve``) for its version; exit code 0 where it answers.

Needs nothing but Python, and leaves no trace in the server's log but one connection::

    python check_gadgetron.py [HOST [PORT]]
"""

from __future__ import annotations

import socket
import struct
import sys

LIMIT_S = 10.0
QUERY, CLOSE, RESPONSE = 6, 4, 7


def ask_version(host: str, port: int) -> str:
    """Give the version that a server says it has.

    Raises
    ------
    OSError
        Nobody answers, or something that is no Gadgetron.
    """
    question = b"gadgetron::version"
    with socket.create_connection((host, port), timeout=LIMIT_S) as connection:
        connection.sendall(struct.pack("<HQQQ", QUERY, 0, 0, len(question)) + question + struct.pack("<H", CLOSE))
        with connection.makefile("rb") as answer:
            head = answer.read(18)
            if len(head) < 18 or struct.unpack_from("<H", head)[0] != RESPONSE:
                raise OSError(f"expected a RESPONSE from {host}:{port}, found {head!r}")
            (length,) = struct.unpack_from("<Q", head, 10)
            return answer.read(min(length, 1024)).decode(errors="replace")


def main() -> None:
    """Check the server that the command line names; the one on this machine unless it does."""
    host, port = [*sys.argv[1:], *("127.0.0.1", "9002")[len(sys.argv) - 1 :]][:2]
    try:
        sys.stdout.write(ask_version(host, int(port)) + "\n")
    except OSError as error:
        sys.exit(f"no Gadgetron at {host}:{port}: {error}")


if __name__ == "__main__":
    main()
