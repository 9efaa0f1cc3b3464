"""The socket between us and a node: how one is joined, and what can be seen from its end here of the other."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
import threading

from gadgets.errors import NodeError

# As a Gadgetron does: ten attempts, over about 20 s.
CONNECT_ATTEMPTS = 10
CONNECT_PAUSE_S = 2.0


def join(address: tuple[str, int], name: str, limit_s: float, is_given_up: threading.Event) -> socket.socket:
    """Connect to a node that already runs.

    Parameters
    ----------
    address
        Where it listens.
    name
        Of the node, for the message of an error.
    limit_s
        Of one attempt, in seconds.
    is_given_up
        Ends the attempts once another thread has set it.

    Raises
    ------
    NodeError
        Nobody answers.
    """
    reason: OSError | None = None
    for attempt in range(CONNECT_ATTEMPTS):
        try:
            return socket.create_connection(address, timeout=limit_s)
        except OSError as error:
            reason = error
            if attempt == CONNECT_ATTEMPTS - 1 or is_given_up.wait(CONNECT_PAUSE_S):
                break
    raise NodeError(f"node {name}: nobody answers there ({reason})") from reason


def n_unread(connection: socket.socket) -> int:
    """Tell how many bytes were sent that the other side has not taken, as far as the system knows."""
    answer = bytearray(4)
    try:
        fcntl.ioctl(connection, termios.TIOCOUTQ, answer)
    # Closed by now, or a system that cannot tell: then nothing is known to be unread.
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def ends_in_order(connection: socket.socket, limit_s: float) -> bool:
    """Whether the other side had read its input to the end when it closed the connection, after its CLOSE.

    A socket that is closed with unread data resets the connection instead of ending it.
    """
    try:
        # After its CLOSE nothing may come: an end means that all was read, a reset that it was not.
        connection.settimeout(limit_s)
        return not connection.recv(1)
    except OSError:
        return False
