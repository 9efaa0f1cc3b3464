"""The options that ``despark serve`` and ``worker`` share: how much clients get, and what they may name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gadgets.process import MEMORY_VARIABLE
from gadgets.process import memory_limit as memory_limit_in_force

Connections = Annotated[
    int, typer.Option(min=1, metavar="N", help="Keep so many connections open at once; refuse more.")
]
MemoryLimit = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        metavar="GB",
        help="Take no larger message and make no larger k-space. Default: a quarter of the memory.",
        show_default=False,
    ),
]
StallLimit = Annotated[
    float,
    typer.Option(min=1, metavar="SECONDS", help="Give up a client that takes so long to begin a scan, or a message."),
]
AllowFolder = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Let settings of clients name files in this folder. May be given again."),
]
TrustClients = Annotated[
    bool, typer.Option("--trust-clients", help="Let clients run and name everything that this user may.")
]


def limit_memory(gigabytes: float | None) -> None:
    """Let a limit hold in this process and in the nodes that it starts; None: the environment's, which is checked."""
    if gigabytes is not None:
        os.environ[MEMORY_VARIABLE] = str(gigabytes)
    memory_limit_in_force()
