"""Adding a trained model to a folder: its hash, its place in the manifest and its card."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from onnx_models.errors import ModelError
from onnx_models.manifest import MANIFEST_NAME, Manifest, models_folder, read_manifest
from onnx_models.model_entry import ModelEntry


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_entry(entry: ModelEntry, folder: Path | None = None) -> Manifest:
    """Add a model to the manifest of its folder, or replace the entry of the same name in its place.

    Parameters
    ----------
    entry
        The entry; its file must lie in the folder already.
    folder
        Folder of the manifest, which is made if there is none; None: the models installed with despark.

    Returns
    -------
        The manifest as written.

    Raises
    ------
    ModelError
        The model's file is missing or has another hash, or the manifest there is not valid.
    """
    target = models_folder(folder)
    file = target / entry.file
    if not file.is_file():
        raise ModelError(f"model {entry.name}: expected its file at {file}, found none")
    # Written down is only what is there: a manifest that lies would stop the next scan.
    if (found := hash_file(file)) != entry.sha256:
        raise ModelError(f"model {entry.name}: {file} has the wrong hash, expected {entry.sha256}, found {found}")
    known = read_manifest(target).models if (target / MANIFEST_NAME).exists() else ()
    # In the place that it had: the order of the manifest is that of preference.
    kept = {model.name: model for model in known} | {entry.name: entry}
    manifest = Manifest(models=tuple(kept.values()))
    _replace_text(target / MANIFEST_NAME, manifest.model_dump_json(indent=2) + "\n")
    return manifest


def write_card(entry: ModelEntry, intended_use: str, limits: str, folder: Path | None = None) -> Path:
    """Write a model's card where its manifest entry says."""
    path = models_folder(folder) / entry.card
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace_text(path, render_card(entry, intended_use, limits))
    return path


def render_card(entry: ModelEntry, intended_use: str, limits: str) -> str:
    """Write out a model's card in Markdown: what it is, how it was made, how well it does, where it fails.

    Parameters
    ----------
    entry
        The manifest entry; its scores are those on files that the model was not trained on.
    intended_use
        What the model is for, and what it is not for.
    limits
        Where it is known to fail.
    """
    facts = {
        "File": f"`{entry.file}`",
        "SHA-256": f"`{entry.sha256}`",
        "Role": entry.role.replace("_", " "),
        "Region": entry.region,
        "Architecture": entry.architecture,
        "Inputs": _shapes(entry.inputs),
        "Outputs": _shapes(entry.outputs),
        "Normalisation": f"`{entry.normalisation}`",
    }
    scores = {name: value if isinstance(value, str) else f"{value:.4g}" for name, value in entry.scores.items()}
    sections = [
        f"# {entry.name}",
        _table("", "", facts),
        f"## Intended use\n\n{intended_use.strip()}",
        "## Training",
        f"Seed {entry.training.seed}. Made by:\n\n```\n{entry.training.command}\n```",
        "Data:\n\n" + "\n".join(f"- {source}" for source in entry.training.data),
        "## Scores\n\nOn files that the model was not trained on.",
        _table("Score", "Value", scores) if scores else "None measured.",
        f"## Limits\n\n{limits.strip()}",
    ]
    return "\n\n".join(sections) + "\n"


def _table(left: str, right: str, rows: dict[str, str]) -> str:
    lines = [f"| {left} | {right} |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines)


def _shapes(shapes: dict[str, tuple[int | str, ...]]) -> str:
    return ", ".join(f"`{name}` {' × '.join(str(length) for length in shape)}" for name, shape in shapes.items())


def _replace_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all: a scan may be reading the manifest at this moment."""
    # In the same folder, as a rename is a single step only within one file system.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        # A temporary file is its owner's alone, but the scanner may run as somebody else.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
