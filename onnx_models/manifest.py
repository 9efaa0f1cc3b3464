"""The manifest: which trained models a folder holds, what they are for and how they were made.

::

    {"models": [{"name": "first_classification_centre",
                 "file": "first_classification_centre.onnx",
                 "role": "first_classification", "region": "centre", "architecture": "cnn", "patch": [32, 32],
                 "inputs": {"patches": ["n", 4, 32, 32]}, "outputs": {"spark_logits": ["n"]},
                 "normalisation": "features-1", "sha256": "…", "card": "cards/first_classification_centre.md",
                 "training": {"data": ["…"], "seed": 1, "command": "…"}, "scores": {"…": 0.9}}]}
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError, field_validator

from onnx_models.errors import ModelError, complaints_of
from onnx_models.model_entry import Architecture, ModelEntry, Region, Role, Strict
from onnx_models.reading import read_regular

MANIFEST_NAME = "manifest.json"
_MOST_BYTES = 16 << 20
MOST_KINDS = 24
"""Of models, that an error names."""


class Manifest(Strict):
    """All models of a folder; where several fit, the one that stands first is meant."""

    models: tuple[ModelEntry, ...] = ()
    _source: str = PrivateAttr(default="the manifest")

    def model_post_init(self, context: Any) -> None:  # noqa: ANN401 - the signature is pydantic's
        """Keep the file it was read from, for messages."""
        if context is not None:
            self._source = str(context["source"])

    @field_validator("models")
    @classmethod
    def _unique_names(cls, models: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        twice = sorted(name for name, count in Counter(entry.name for entry in models).items() if count > 1)
        # Reports name models, and a new one replaces that of its name.
        if twice:
            raise ValueError(f"model names are unique, found more than once: {', '.join(twice)}")
        return models

    def find(
        self,
        role: Role,
        region: Region | None = None,
        architecture: Architecture | None = None,
        normalisation: str | None = None,
        n_axes: int | None = None,
    ) -> ModelEntry:
        """Pick the model for a role; one for all regions stands in where the region has none of its own.

        Parameters
        ----------
        role, region, architecture, normalisation
            What is wanted; None: any.
        n_axes
            Of one patch: 1 for segments, 2 for rectangles, 3 for cuboids; None: any.

        Raises
        ------
        ModelError
            No model fits.
        """
        fitting = [
            entry
            for entry in self.models
            if entry.role == role
            and region in (None, entry.region, *(("centre", "outer") if entry.region == "all" else ()))
            and architecture in (None, entry.architecture)
            and normalisation in (None, entry.normalisation)
            and n_axes in (None, len(entry.patch))
        ]
        # With all that there is: whoever asks for a model of one kind sees which kinds the folder has.
        if not fitting:
            axes = f"{n_axes}D" if n_axes else None
            wanted = " ".join(word for word in (role, region, architecture, normalisation, axes) if word)
            # The first of each kind: copies say nothing new, and a folder may hold thousands.
            kinds = list(dict.fromkeys(map(_description, self.models)))
            there = ", ".join(kinds[:MOST_KINDS]) or "none"
            raise ModelError(f"{self._source}: expected a model for {wanted!r}, found: {there}")
        # A model of the region itself goes before one for all regions, wherever they stand.
        return next((entry for entry in fitting if entry.region == region), fitting[0])


def _description(entry: ModelEntry) -> str:
    return f"{entry.role} {entry.region} {entry.architecture} {entry.normalisation} {len(entry.patch)}D"


def models_folder(folder: Path | None = None) -> Path:
    """Folder of the models that a setting names; None: those installed with despark."""
    return Path(__file__).parent if folder is None else Path(folder)


def read_manifest(folder: Path | None = None) -> Manifest:
    """Read and check the manifest of a folder.

    Parameters
    ----------
    folder
        Folder with a ``manifest.json``; None: the models installed with despark.

    Raises
    ------
    ModelError
        There is no manifest, or it is not valid; every complaint is named.
    """
    path = models_folder(folder) / MANIFEST_NAME
    try:
        text = read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: expected a manifest of models, cannot read it ({error.strerror})") from error
    try:
        return Manifest.model_validate_json(text, context={"source": path})
    except ValidationError as error:
        raise ModelError(f"{path}: not a valid manifest: {complaints_of(error, 'file')}") from error
