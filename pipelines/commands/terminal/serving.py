"""The options that ``despark serve`` and ``worker`` share: how much clients get, and what they may name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gadgets.errors import SettingsError
from gadgets.outside import MEMORY_VARIABLE
from gadgets.outside import memory_limit as memory_limit_in_force
from pipelines.files import Archive
from pipelines.inspection import PAGE_ENDING, Pages

MOST_S = 2_000_000
"""Seconds, 23 days: longer waits are beyond what the system can be asked for."""

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
    typer.Option(
        min=1, max=MOST_S, metavar="SECONDS", help="Give up a client that takes so long to begin a scan, or a message."
    ),
]
AllowFolder = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Let settings of clients name files in this folder. May be given again."),
]
ArchiveFolder = Annotated[
    Path | None,
    typer.Option("--archive", metavar="DIR", help="Keep every scan as it comes in, one file each, in this folder."),
]
ArchiveSize = Annotated[
    float,
    typer.Option("--archive-size", min=0.001, metavar="GB", help="Keep so much; the oldest scans are removed first."),
]
ArchiveAge = Annotated[
    float, typer.Option("--archive-age", min=0.001, metavar="DAYS", help="Remove scans that are older than this.")
]
PagesFolder = Annotated[
    Path | None,
    typer.Option("--pages", metavar="DIR", help="Write a page about every scan of the --archive into this folder."),
]
TrustClients = Annotated[
    bool, typer.Option("--trust-clients", help="Let clients run and name everything that this user may.")
]


@contextmanager
def open_archive(folder: Path | None, size: float, age: float, pages: Path | None = None) -> Iterator[Archive | None]:
    """Give the archive of a server, whose scans get pages where there is a folder for them; None where there is none.

    Raises
    ------
    SettingsError
        Pages or bounds are asked for, and no archive: nothing would be kept.
    RawDataError
        Nothing can be written there.
    """
    if folder is None:
        if pages is not None:
            raise SettingsError("--pages: expected --archive DIR beside it, as pages are made of scans that are kept")
        bounds = {"--archive-size": (size, Archive.most_gb), "--archive-age": (age, Archive.most_days)}
        asked = next((option for option, (bound, usual) in bounds.items() if bound != usual), None)
        # Whoever bounds an archive believes that there is one.
        if asked:
            raise SettingsError(f"{asked}: expected --archive DIR beside it, as nothing is kept without a folder")
        yield None
        return
    archive = Archive(folder, size, age)
    archive.check()
    if pages is None:
        yield archive
        return
    kept = Archive(pages, size, age, PAGE_ENDING)
    kept.check()
    with Pages(kept) as writing:
        yield replace(archive, on_kept=writing.add)


def limit_memory(gigabytes: float | None) -> None:
    """Let a limit hold in this process and in the nodes that it starts; None: the environment's, which is checked."""
    if gigabytes is not None:
        os.environ[MEMORY_VARIABLE] = str(gigabytes)
    # Asked for once now, so that a wrong variable is an error before anything listens.
    memory_limit_in_force()
