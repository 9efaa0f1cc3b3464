"""Is all installed that is needed, and does it do its work? Versions, models, a spark in a scan that never was."""

from __future__ import annotations

import importlib.metadata
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gadgets import find_sparks, repair_sparks
from onnx_models.listing import listing
from onnx_models.providers import cuda_devices
from pipelines.commands.doctor.findings import Finding
from pipelines.files import read_kspaces
from pipelines.phantom import PhantomScan, write_phantom
from pipelines.version import despark_version

NEEDED = ("numpy", "onnxruntime-gpu", "ismrmrd", "gadgetron", "h5py", "pydantic", "scipy")
RUNTIME, OTHER_RUNTIME = "onnxruntime-gpu", "onnxruntime"
"""Two packages with the same files: the second is for the CPU alone."""

EXTRAS = {"pydicom": "images", "nibabel": "images", "mrd-python": "mrd2", "twixtools": "siemens", "torch": "train"}
"""Libraries that are there only where they were asked for, and the extra that brings them."""

PHANTOM = PhantomScan(matrix=64, n_coils=4, n_slices=1)
# Far from the centre, where nothing else is as strong.
SPARK_AT = (0, 9, 70)
SPARK_HEIGHT = 300.0
"""Times the noise of a sample: an obvious spark."""


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
