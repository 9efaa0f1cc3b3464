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

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator

from onnx_models.errors import ModelError
from onnx_models.reading import read_regular

MANIFEST_NAME = "manifest.json"
_MOST_BYTES = 16 << 20
# Of one row, axes that are words aside: the largest of ours has 50,176.
_MOST_VALUES = 1 << 20

Role = Literal[
    "first_classification",
    "second_classification",
    "abnormal_point_segmentation",
    "artifact_calibration",
    "patch_calibration",
    "value_assignment",
]
Region = Literal["centre", "outer", "all"]
Architecture = Literal["cnn", "vit", "unet", "cnn_unet"]
Axis = Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
Shape = tuple[Axis, ...]

# Relative, below the folder, and without "..": a manifest names no file outside its own folder.
_FOLDERS = r"^([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*"


# A word that is not known here may be a condition of use: such a manifest is refused, not half understood.
class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(_Strict):
    """What it takes to make a model again."""

    data: tuple[str, ...]
    seed: int
    command: str


class ModelEntry(_Strict):
    """One model of a manifest.

    Attributes
    ----------
    name
        Short name, unique in its manifest.
    file
        The ``.onnx`` file, relative to the manifest's folder.
    role, region, architecture
        What the model decides, where in k-space, and by which kind of network.
    patch
        Size of what the model judges at once: a segment, rectangle or cuboid of samples, or a block of pixels.
    inputs, outputs
        Name of each array and its shape; the first axis is the batch, written ``"n"``. Other axes that
        may vary are words, too.
    normalisation
        Identifier of the features and of the scaling that the model was trained with.
    sha256
        Of the ``.onnx`` file, in hexadecimal.
    card
        The model's card (Markdown), relative to the manifest's folder.
    training, scores
        How the model was made, and how well it does on files that it was not trained on.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    file: str = Field(pattern=_FOLDERS + r"\.onnx$")
    role: Role
    region: Region
    architecture: Architecture
    patch: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=3)
    inputs: dict[str, Shape] = Field(min_length=1)
    outputs: dict[str, Shape] = Field(min_length=1)
    normalisation: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    card: str = Field(pattern=_FOLDERS + r"\.md$")
    training: Training
    scores: dict[str, float | str] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name and the first digits of its hash: models of one name may be trained anew."""
        return f"{self.name} {self.sha256[:12]}"

    @field_validator("inputs", "outputs")
    @classmethod
    def _batched(cls, shapes: dict[str, Shape]) -> dict[str, Shape]:
        for name, shape in shapes.items():
            if not shape or shape[0] != "n":
                raise ValueError(f"the first axis of {name!r} is the batch: expected 'n', found {list(shape)}")
            _check_size(name, [axis for axis in shape if isinstance(axis, int)])
        return shapes

    @field_validator("patch")
    @classmethod
    def _has_room(cls, patch: tuple[int, ...]) -> tuple[int, ...]:
        _check_size("patch", patch)
        return patch


def _check_size(name: str, lengths: Sequence[int]) -> None:
    if math.prod(lengths) > _MOST_VALUES:
        # Arrays are made by these numbers before a session is asked what it takes.
        raise ValueError(f"{name}: expected at most {_MOST_VALUES} values in a row, found {list(lengths)}")


class Manifest(_Strict):
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
            there = ", ".join(map(_description, self.models)) or "none"
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
        complaints = (f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise ModelError(f"{path}: not a valid manifest: {'; '.join(complaints)}") from error
