"""Is there room on this machine? Ports, processors, threads, the record of scans and the disks."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from gadgets.errors import NodeError, StoreError
from gadgets.logbook import Logbook, logbook_path
from pipelines.commands.doctor.findings import Finding
from pipelines.thread_limits import LIMITS, set_here
from pipelines.worker import NODES, check_nodes

SERVE_PORT, WORKER_PORT = 9002, 9010
LEAST_FREE_BYTES = 1 << 30
"""A scan of some size, its output and its report."""


def ports() -> Iterator[Finding]:
    """See whether the usual ports are free, and who answers where they are not."""
    # A note and no fault: a server that runs already is what most sites want.
    is_taken = _is_taken(SERVE_PORT)
    yield Finding(
        what=f"port {SERVE_PORT}",
        state="note" if is_taken else "well",
        text="in use: by despark serve or a Gadgetron?" if is_taken else "free, for despark serve",
        advice="if it should be free, see who: ss -ltnp; else take another: despark serve --port" if is_taken else "",
    )
    addresses = {node: ("127.0.0.1", WORKER_PORT + number) for number, node in enumerate(NODES)}
    taken = {node: address for node, address in addresses.items() if _is_taken(address[1])}
    what = f"ports {WORKER_PORT}-{WORKER_PORT + len(NODES) - 1}"
    if not taken:
        yield Finding(what=what, state="well", text="free, for despark worker")
        return
    try:
        check_nodes(taken, limit_s=2.0)
        yield Finding(what=what, state="well", text=f"a despark worker answers: {', '.join(taken)}")
    except NodeError as error:
        text = f"in use, and not by a despark worker that is well: {error}"
        advice = "take others: despark worker --port, and the same in the <connect> of the chain"
        yield Finding(what=what, state="note", text=text, advice=advice)


def _is_taken(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return False
    except OSError:
        return True


def threads_told(environment: Mapping[str, str], set_here: Collection[str]) -> str:
    """Say how many threads linear algebra may use, and who said so."""
    own = [f"{name}={environment[name]}" for name in LIMITS if name in set_here]
    others = [f"{name}={environment[name]}" for name in LIMITS if name in environment and name not in set_here]
    told = ((own, "set by despark"), (others, "set by the environment"))
    return "; ".join(f"{', '.join(names)} ({who})" for names, who in told if names) or "no limit is set"


def machine() -> Iterator[Finding]:
    """See processors, threads, the record of scans and the disks."""
    n_cores = len(os.sched_getaffinity(0))
    yield Finding(what="processors", state="well", text=f"{n_cores} for this process")
    yield Finding(what="threads", state="well", text=threads_told(os.environ, set_here))
    folders = {Path(tempfile.gettempdir()): "free some, or name another folder: TMPDIR"}
    try:
        place = logbook_path("auto")
        if place is None:
            yield Finding(what="record", state="note", text="off", advice="unset DESPARK_RECORD to keep one")
        else:
            Logbook(place).prepare()
            folders[place.parent] = "free some, or name another file: DESPARK_RECORD"
            yield Finding(what="record", state="well", text=str(place))
    except StoreError as error:
        advice = "name a file that can be written, DESPARK_RECORD=FILE; or none, DESPARK_RECORD=off"
        yield Finding(what="record", state="fault", text=str(error), advice=advice)
    for folder, advice in folders.items():
        free = shutil.disk_usage(folder).free
        is_well = free > LEAST_FREE_BYTES
        text = f"{free / (1 << 30):.1f} GiB free in {folder}"
        yield Finding(what="disk", state="well" if is_well else "fault", text=text, advice="" if is_well else advice)
