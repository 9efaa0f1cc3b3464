"""From a manifest entry to a model that runs: hash, inputs, outputs and provider are checked before the scan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx_models.errors import ModelError
from onnx_models.manifest import models_folder
from onnx_models.model import Model, Spread, shape_fits
from onnx_models.model_entry import ModelEntry, Shape
from onnx_models.providers import DTYPES, Provider, open_session
from onnx_models.reading import read_regular

__all__ = ["Model", "Provider", "open_model", "verified_content"]


def open_model(
    entry: ModelEntry, folder: Path | None = None, provider: Provider = "auto", threads: int = 1, spread: Spread = map
) -> Model:
    """Verify a model against its manifest entry and open it.

    Parameters
    ----------
    entry
        The manifest entry.
    folder
        Folder of the manifest; None: the models installed with despark.
    provider
        ``cuda`` or ``cpu``; ``auto`` is CUDA where a session really runs there, else the CPU.
    threads
        Threads of one inference on the CPU.
    spread
        How batches are run: see :class:`Model`.

    Raises
    ------
    ModelError
        The file is missing, has another hash, cannot be opened, or has other inputs or outputs.
    ProviderError
        ``cuda`` was asked for, and no session runs there.
    """
    content = verified_content(entry, folder)
    session = open_session(content, entry.name, provider, threads)
    _verify(entry, "inputs", entry.inputs, session.get_inputs())
    _verify(entry, "outputs", entry.outputs, session.get_outputs())
    return Model(entry, session, spread)


def verified_content(entry: ModelEntry, folder: Path | None = None) -> bytes:
    """Read a model's file; what is opened later are the very bytes that were verified.

    Raises
    ------
    ModelError
        The file cannot be read, or its hash is not that of the manifest entry.
    """
    path = models_folder(folder) / entry.file
    try:
        content = read_regular(path)
    except OSError as error:
        raise ModelError(f"model {entry.name}: cannot read {path} ({error.strerror})") from error
    # The file is read once and opened from memory: between two readings it could be exchanged.
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise ModelError(
            f"model {entry.name}: {path} has the wrong hash, expected sha256 {entry.sha256}, found {found}"
        )
    return content


def _verify(entry: ModelEntry, kind: str, expected: Mapping[str, Shape], values: Sequence[Any]) -> None:
    """Compare the inputs or outputs of an opened session with the manifest entry."""
    found = {value.name: tuple(value.shape) for value in values}
    fits = found.keys() == expected.keys() and all(
        # The session must vary where the manifest says so: a fixed batch size is not a batch.
        shape_fits(found[name], shape) and not any(isinstance(here, int) for here in _varying(found[name], shape))
        for name, shape in expected.items()
    )
    if not fits:
        raise ModelError(f"model {entry.name}: expected the {kind} {dict(expected)} of the manifest, found {found}")
    # A type that is not known here could not be filled: the arrays of a scan are made by it.
    types = {value.name: value.type for value in values if value.type not in DTYPES}
    if types:
        raise ModelError(f"model {entry.name}: expected {kind} of a type among {sorted(DTYPES)}, found {types}")


def _varying(found: Sequence[int | str | None], expected: Shape) -> list[int | str | None]:
    return [here for here, length in zip(found, expected, strict=True) if isinstance(length, str)]
