"""How much a server gives to its clients at most, and how long it waits for them."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

CROWDED_S = 5.0
"""So long a connection without a scan keeps its place where others want it."""


@dataclass(frozen=True)
class ServerLimits:
    """Limits of a server.

    Attributes
    ----------
    connections
        How many may be open at once, those that have said nothing yet included.
    scans
        How many run at once.
    idle_s
        Without a message for so long a scan is given up.
    stall_s
        How long a client may take from its connection to its HEADER, and over one message; a large message may take
        longer as long as it keeps coming.
    node_s
        How long a node may neither read nor answer, beyond what its ``time_limit`` allows.
    """

    connections: int = 64
    scans: int = 8
    idle_s: float = 3600.0
    stall_s: float = 60.0
    node_s: float = 120.0


USUAL_LIMITS = ServerLimits()

DESCRIPTORS = 3
"""Of those that the system gives this process, so many are kept for each connection: a scan needs more than its own."""


def room_for_connections() -> int:
    """Say how many connections leave enough descriptors for scans."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # What is not limited is a negative number here.
    n_left = (limit if limit > 0 else 1 << 20) - len([*Path("/proc/self/fd").iterdir()])
    return max(n_left // DESCRIPTORS, 1)
