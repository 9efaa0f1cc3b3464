"""What is looked at on a machine before it is trusted with scans; each look ends in findings."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from gadgets import find_sparks, repair_sparks
from gadgets.errors import NodeError, StoreError
from gadgets.logbook import Logbook, logbook_path
from onnx_models.listing import listing
from onnx_models.providers import cuda_devices
from pipelines.files import read_kspaces
from pipelines.phantom import PhantomScan, write_phantom
from pipelines.thread_limits import LIMITS, set_here
from pipelines.version import despark_version
from pipelines.worker import NODES, check_nodes

State = Literal["well", "note", "fault"]

NEEDED = ("numpy", "onnxruntime-gpu", "ismrmrd", "gadgetron", "h5py", "pydantic", "scipy")
RUNTIME, OTHER_RUNTIME = "onnxruntime-gpu", "onnxruntime"
"""Two packages with the same files: the second is for the CPU alone."""

EXTRAS = {"pydicom": "images", "nibabel": "images", "mrd-python": "mrd2", "twixtools": "siemens", "torch": "train"}
"""Libraries that are there only where they were asked for, and the extra that brings them."""

SERVE_PORT, WORKER_PORT = 9002, 9010
LEAST_FREE_BYTES = 1 << 30
"""A scan of some size, its output and its report."""

PHANTOM = PhantomScan(matrix=64, n_coils=4, n_slices=1)
# Far from the centre, where nothing else is as strong.
SPARK_AT = (0, 9, 70)
SPARK_HEIGHT = 300.0
"""Times the noise of a sample: an obvious spark."""


class Finding(BaseModel):
    """What was looked at, how it is, what that means, and what to do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    state: State
    text: str
    advice: str = ""


def look(on_phase: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Look at everything, in an order in which what comes later relies on what came before."""
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": versions,
        "models": models,
        "a spark in a phantom": spark_in_a_phantom,
        "ports": ports,
        "the machine": machine,
    }
    findings: list[Finding] = []
    for name, each in looks.items():
        on_phase(f"looking at {name}")
        try:
            findings += each()
        # Of an installation that is not whole, whatever a library raises.
        except Exception as error:  # noqa: BLE001 - a finding
            # Whatever it is, the rest is worth looking at.
            findings.append(Finding(what=name, state="fault", text=f"{type(error).__name__}: {error}"))
    return findings


def versions() -> Iterator[Finding]:
    """See what is installed, and what is not."""
    yield Finding(what="despark", state="well", text=f"{despark_version()}, Python {platform.python_version()}")
    present = [f"{name} {version}" for name in NEEDED if (version := _version(name))]
    yield Finding(what="libraries", state="well", text=", ".join(present))
    if missing := [name for name in NEEDED if not _version(name)]:
        text = f"not installed: {', '.join(missing)}"
        yield Finding(what="libraries", state="fault", text=text, advice="install despark again: pip install .")
    if _folder(OTHER_RUNTIME) == _folder(RUNTIME) is not None:
        yield Finding(
            what="libraries",
            state="fault",
            text=f"{OTHER_RUNTIME} beside {RUNTIME}: they overwrite each other's files",
            advice=f"pip uninstall {OTHER_RUNTIME} {RUNTIME}, then pip install {RUNTIME}",
        )
    present = [f"{name} {version}" for name in EXTRAS if (version := _version(name))]
    absent = [f"{name} (despark[{extra}])" for name, extra in EXTRAS.items() if not _version(name)]
    yield Finding(what="extras", state="well", text=", ".join(present) or "none")
    if absent:
        advice = 'where you need one: pip install ".[NAME]", the name is in brackets'
        yield Finding(what="extras", state="note", text=f"not installed: {', '.join(absent)}", advice=advice)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _folder(name: str) -> Path | None:
    """Tell where a distribution's files lie: environments that see each other may have one each."""
    try:
        return Path(str(importlib.metadata.distribution(name).locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        return None


def models() -> Iterator[Finding]:
    """Open every model that is installed, and see where each of them really runs."""
    rows = listing()
    refusals = [f"{row.name}: {row.refusal}" for row in rows if row.refusal]
    providers = sorted({row.provider for row in rows} - {""})
    yield Finding(
        what="models",
        state="fault" if refusals else "well",
        text="; ".join(refusals) or f"{len(rows)}, all verified and opened; they run on {', '.join(providers)}",
        advice="install despark again: its models have to be those of its manifest" if refusals else "",
    )
    n_devices = cuda_devices()
    if n_devices and providers == ["CPUExecutionProvider"]:
        text = f"{n_devices} CUDA devices, and no model runs there"
        advice = 'pip install ".[cuda]"; if it is there, despark models -v says why'
        yield Finding(what="GPU", state="fault", text=text, advice=advice)
    else:
        yield Finding(what="GPU", state="well", text=f"{n_devices} CUDA devices" if n_devices else "none")


def spark_in_a_phantom() -> Iterator[Finding]:
    """Put a spark into a scan that never was, find it and repair it: the whole way of the data but for the sockets."""
    with tempfile.TemporaryDirectory(prefix="despark-") as folder:
        write_phantom(Path(folder) / "phantom.h5", PHANTOM)
        clean = next(read_kspaces(Path(folder) / "phantom.h5")).kspace.data
    sparked = clean.copy()
    sparked[(slice(None), *SPARK_AT)] += SPARK_HEIGHT
    found = find_sparks(sparked)
    repaired = repair_sparks(sparked, found)
    places = {point.place for point in found.points}
    left = np.linalg.norm(repaired - clean) / np.linalg.norm(sparked - clean)
    # Both are asked for: a sample that was found may be repaired badly, and good ones may have been changed.
    is_well = places == {SPARK_AT} and left < 0.1
    text = f"found and repaired, {100 * left:.1f} % of it is left"
    yield Finding(
        what="spark",
        state="well" if is_well else "fault",
        text=text if is_well else f"expected one point at {SPARK_AT}, found {sorted(places)}, {left:.0%} of it left",
        advice="" if is_well else "trust this installation with no scan: what is above may say why, else its tests",
    )


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
