"""Which scan is it? One name for its entry, its lines in reports and logs, its raw data and its page."""

from __future__ import annotations

import itertools
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

from gadgets.outside import printable

SCAN_PREFIX = "scan-"

SCAN_VARIABLE, CLIENT_VARIABLE = "DESPARK_SCAN", "DESPARK_CLIENT"
"""By these a host tells the processes of its nodes which scan they work for."""

LONGEST, MOST_MODELS = 80, 32
"""Characters of a name, of a client and of a model that somebody else tells; and how many models."""

# What may stand in a file's name anywhere, and with its prefix no longer than LONGEST.
_OWN = re.compile(SCAN_PREFIX + r"[\w-]{1,75}", re.ASCII)
_numbers = itertools.count()


class ScanName(NamedTuple):
    """The name of a scan, and the address of who sent it; empty where nobody knows."""

    scan: str = ""
    client: str = ""

    @classmethod
    def new(cls, client: str = "") -> ScanName:
        """Give a name that no other scan has, on this machine or in a folder that two servers share."""
        # With the process and a number, as two scans may begin in one second. And by chance: in containers all servers
        # have the same process number, and a clock may be set back.
        number = f"{os.getpid()}-{next(_numbers)}-{secrets.token_hex(3)}"
        return cls(f"{SCAN_PREFIX}{time.strftime('%Y%m%d-%H%M%S')}-{number}", client)

    @classmethod
    def told(cls, scan: str, client: str) -> ScanName | None:
        """Give a name that somebody else tells; None where it is none of ours.

        Files are called by it, so it must not lead out of their folder.
        """
        return cls(scan, printable(client)[:LONGEST]) if _OWN.fullmatch(scan) else None

    def variables(self) -> dict[str, str]:
        """Give the environment that tells a node's process of it."""
        return {SCAN_VARIABLE: self.scan, CLIENT_VARIABLE: self.client} if self.scan else {}


@dataclass
class _Known:
    """What is known by now of the scan that is worked for; threads of one scan may share it."""

    name: ScanName
    protocol: str = ""
    is_told: bool = True
    # Each once, in the order in which they were heard of.
    models: dict[str, None] = field(default_factory=dict)


# Not a variable of the process: a worker runs many scans at once, each in threads of its own.
_NOW: ContextVar[_Known | None] = ContextVar("scan", default=None)


def this_scan(environment: Mapping[str, str] = os.environ) -> ScanName:
    """Give the scan that this thread works for, as it was told, or as the environment says."""
    known = _NOW.get()
    if known is not None:
        return known.name
    return ScanName(environment.get(SCAN_VARIABLE, ""), environment.get(CLIENT_VARIABLE, ""))


def told_scan() -> ScanName | None:
    """Give the scan that this thread works for where others know it by that name; None: we have made it up."""
    known = _NOW.get()
    return known.name if known is not None and known.is_told else None


@contextmanager
def in_scan(name: ScanName | None = None) -> Iterator[ScanName]:
    """Work for a scan in this thread; None: the one that is known already, or a new one where none is."""
    known = _NOW.get()
    # What has been noted of a scan that is known already is kept, as by the node of a worker.
    if known is None or name is not None:
        name = name or this_scan()
        known = _Known(name) if name.scan else _Known(ScanName.new(), is_told=False)
    token = _NOW.set(known)
    try:
        yield known.name
    finally:
        _NOW.reset(token)


def note_scan(name: ScanName | None = None, protocol: str = "", models: Iterable[str] = ()) -> None:
    """Note what has become known of the scan that this thread works for; outside of a scan nothing is noted."""
    known = _NOW.get()
    if known is None:
        return
    known.name, known.protocol = name or known.name, protocol or known.protocol
    for model in models:
        if len(known.models) < MOST_MODELS:
            known.models[printable(model)[:LONGEST]] = None


def of_this_scan() -> dict[str, str | list[str]]:
    """Give what is known of this scan, for a line of the log: name, client, protocol and models; else nothing."""
    known = _NOW.get()
    if known is None:
        return {name: value for name, value in this_scan()._asdict().items() if value}
    return {**known.name._asdict(), "protocol": known.protocol, "models": list(known.models)}
