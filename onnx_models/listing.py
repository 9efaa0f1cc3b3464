"""What is installed? One row per model, with the provider of a session opened for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from onnx_models.errors import ModelError, ProviderError
from onnx_models.loader import open_model
from onnx_models.manifest import read_manifest
from onnx_models.model_entry import Architecture, ModelEntry, Region, Role
from onnx_models.providers import Provider


class ListedModel(BaseModel):
    """One model of a folder; ``provider`` is empty where the model was refused, and ``refusal`` says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    region: Region
    architecture: Architecture
    sha256: str
    provider: str
    scores: dict[str, float | str]
    refusal: str = ""


def listing(
    folder: Path | None = None,
    provider: Provider = "auto",
    on_row: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[ListedModel, ...]:
    """List the models of a folder, each one verified and opened.

    Parameters
    ----------
    folder
        Folder with manifest and models; None: those installed with despark.
    provider
        Where the sessions shall run.
    on_row
        Called with the number of models that were opened, and of all.

    Raises
    ------
    ModelError
        The folder has no manifest, or it is not valid. A model that is refused has its row all the same.
    """
    entries = read_manifest(folder).models
    rows = []
    for number, entry in enumerate(entries):
        on_row(number, len(entries))
        rows.append(_row(entry, folder, provider))
    return tuple(rows)


def _row(entry: ModelEntry, folder: Path | None, provider: Provider) -> ListedModel:
    active = refusal = ""
    try:
        # Opened, not only looked up: where a model runs is known of a session alone.
        active = open_model(entry, folder, provider).provider
    except (ModelError, ProviderError) as error:
        refusal = str(error)
    return ListedModel(
        name=entry.name,
        role=entry.role,
        region=entry.region,
        architecture=entry.architecture,
        sha256=entry.sha256,
        provider=active,
        scores=entry.scores,
        refusal=refusal,
    )
