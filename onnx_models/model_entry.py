"""One model of a manifest: what it is for, what it takes and gives, and how it was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
class Strict(BaseModel):
    """What a manifest consists of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(Strict):
    """What it takes to make a model again."""

    data: tuple[str, ...]
    seed: int
    command: str


class ModelEntry(Strict):
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
