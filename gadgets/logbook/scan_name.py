"""Which scan is it? One name for its entry, its lines in reports and logs, its raw data and its page."""

from __future__ import annotations

import itertools
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

SCAN_PREFIX = "scan-"

SCAN_VARIABLE, CLIENT_VARIABLE = "DESPARK_SCAN", "DESPARK_CLIENT"
"""By these a host tells the processes of its nodes which scan they work for."""

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

    def variables(self) -> dict[str, str]:
        """Give the environment that tells a node's process of it."""
        return {SCAN_VARIABLE: self.scan, CLIENT_VARIABLE: self.client} if self.scan else {}


_NOW: ContextVar[ScanName] = ContextVar("scan name")


def this_scan(environment: Mapping[str, str] = os.environ) -> ScanName:
    """Give the scan that this thread works for, as it was told, or as the environment says."""
    known = _NOW.get(None)
    return known or ScanName(environment.get(SCAN_VARIABLE, ""), environment.get(CLIENT_VARIABLE, ""))


@contextmanager
def in_scan(name: ScanName | None = None) -> Iterator[ScanName]:
    """Work for a scan in this thread; None: the one that is known already, or a new one where none is."""
    known = name or this_scan()
    known = known if known.scan else ScanName.new()
    token = _NOW.set(known)
    try:
        yield known
    finally:
        _NOW.reset(token)
