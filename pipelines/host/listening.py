"""The ports of a server."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from gadgets.errors import PipelineError

_BACKLOG = 64


def listen(ports: Mapping[str, int], bind: str) -> dict[str, socket.socket]:
    """Listen on all ports, or on none.

    Raises
    ------
    PipelineError
        One cannot be listened on.
    """
    if not bind:
        # To the system it means every address: a variable that is not set must not open the server to a network.
        raise PipelineError("expected an address to listen on, found none (0.0.0.0 stands for all of this machine)")
    if not bind.isascii():
        # Python leaves a socket open where the name of a host is no text.
        raise PipelineError(f"cannot listen on {bind} (expected the address or the name of this machine)")
    listeners: dict[str, socket.socket] = {}
    # Only addresses of IPv6 have colons.
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for name, port in ports.items():
        try:
            listener = socket.create_server((bind, port), family=family, backlog=_BACKLOG)
        except (OSError, OverflowError) as error:
            for other in listeners.values():
                other.close()
            which = f"{name}: " if len(ports) > 1 else ""
            raise PipelineError(f"{which}cannot listen on {bind}:{port} ({error})") from error
        # Who connects and vanishes before he is accepted must not stop the others.
        listener.setblocking(False)
        listeners[name] = listener
    return listeners
