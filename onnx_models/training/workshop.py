"""The workshop: what all models of one training share, so that each is made the same way."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gadgets.arrays import ComplexArray
from onnx_models.errors import ModelError
from onnx_models.loader import verified_content
from onnx_models.manifest import MANIFEST_NAME, read_manifest
from onnx_models.model_entry import ModelEntry, Training
from onnx_models.reading import open_regular, read_regular
from onnx_models.training.examples.patches import Examples, ExamplesT, make_examples, part
from onnx_models.training.examples.planes import OnTask
from onnx_models.training.export import Facts, install
from onnx_models.training.fit import BATCH, Loss, Progress, Schedule, fit
from onnx_models.training.onnx_file import Signature

Scores = Mapping[str, float | str]

# Of the examples; operating points are chosen on them, weights are not.
VALIDATION_SHARE = 0.1


def n_to_fit(n_examples: int) -> int:
    """Give how many examples, the first ones, are fitted to; the others are kept for validation.

    The last ones and not random ones: those of one plane are alike or share patches, and must not stand on both sides.
    """
    return int(n_examples * (1 - VALIDATION_SHARE))


@dataclass(frozen=True)
class Recipe:
    """How much to train on and for how long; `processes` make the examples, and as many threads fit the networks."""

    n_planes: int = 6000
    epochs: float = 5.0
    seed: int = 1
    processes: int = 2


@dataclass(frozen=True, eq=False)
class Workshop:
    """What all models of one training share.

    Attributes
    ----------
    recordings
        Clean planes ``(coil, line, sample)`` per source; may be empty: phantoms alone.
    folder
        Where the models go; while it lasts, an unfinished training keeps its examples and steps there.
    training, scores
        For the manifest and the cards. Scores are those on files that were not trained on, by the name of the model;
        models without their own have those of ``despark``.
    """

    recordings: Mapping[str, Sequence[ComplexArray]]
    folder: Path
    recipe: Recipe
    training: Training
    scores: Mapping[str, Scores]
    progress: Progress
    log: Callable[[str], None]

    @cached_property
    def examples(self) -> tuple[Examples, Examples]:
        """Patches of evidence to fit to, and those kept for validation."""
        recipe = self.recipe

        def make() -> Examples:
            self.log(f"making examples from {recipe.n_planes} planes of phantoms and {len(self.recordings)} recordings")
            watch = self.watch("making examples")
            return make_examples(self.recordings, recipe.n_planes, recipe.seed, recipe.processes, watch)

        return self.examples_of("examples", Examples, make)

    def examples_of(
        self, name: str, kind: type[ExamplesT], make: Callable[[], ExamplesT]
    ) -> tuple[ExamplesT, ExamplesT]:
        """Give examples to fit to, and those kept for validation; made once for all models of this training."""
        path = self._unfinished / name
        made = _saved(path, kind) if (path / "done").is_file() else None
        if made is None:
            made = make()
            # What is damaged may be a pipe, into which nothing would ever be written.
            _remove(path)
            path.mkdir(parents=True)
            for each in fields(kind):
                np.save(path / f"{each.name}.npy", getattr(made, each.name))
            # Written last: where it is missing, a training was broken off while it saved.
            (path / "done").touch()
        n_fitted = n_to_fit(len(made))
        self.log(f"{name}: fitting to {n_fitted} patches, {len(made) - n_fitted} kept for validation")
        return part(made, np.arange(n_fitted)), part(made, np.arange(n_fitted, len(made)))

    def watch(self, name: str) -> OnTask:
        """Give a function that shows how much of something is done."""
        return lambda done, total: self.progress(name, done, total, math.nan)

    def fit(
        self,
        network: nn.Module,
        rows: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
        loss: Loss,
        name: str,
        epochs: float | None = None,
        batch: int = BATCH,
    ) -> None:
        """Fit a network in place, from where an interrupted training stopped; `epochs` None: those of the recipe."""
        schedule = Schedule(epochs=self.recipe.epochs if epochs is None else epochs, seed=self.recipe.seed, batch=batch)
        fit(network, rows, loss, name, schedule, self.progress, self._unfinished / f"{name}.pt")

    def install(
        self,
        model: nn.Module,
        inputs: Mapping[str, Tensor],
        outputs: Sequence[str],
        facts: Facts,
        varying: Mapping[str, Mapping[int, str]] | None = None,
    ) -> ModelEntry:
        """Export a model into the folder, with its manifest entry and card; see :func:`.export.install`."""
        scores = self.scores.get(facts.name, self.scores.get("despark", {}))
        return install(model, Signature(inputs, outputs, varying or {}), facts, self.training, scores, self.folder)

    def has(self, name: str) -> bool:
        """Whether this very training has made a model already."""
        if not (self.folder / MANIFEST_NAME).is_file():
            return False
        entry = next((each for each in read_manifest(self.folder).models if each.name == name), None)
        # Of other recordings, another seed or another command it would be another model.
        if entry is None or entry.training != self.training:
            return False
        try:
            verified_content(entry, self.folder)
        except ModelError:
            return False
        return True

    def open(self) -> None:
        """Begin: what another training left unfinished here does not count.

        Every model starts from the same seed, whichever were made before it.
        """
        # Sums are made in another order by another number of threads, and give other weights.
        torch.set_num_threads(self.recipe.processes)
        note, content = self._unfinished / "training.json", self.training.model_dump_json().encode()
        with contextlib.suppress(OSError):
            if read_regular(note) == content:
                return
        self.close()
        note.parent.mkdir(parents=True)
        note.write_bytes(content)

    def close(self) -> None:
        """Throw away what an unfinished training needs."""
        _remove(self._unfinished)

    @property
    def _unfinished(self) -> Path:
        return self.folder / ".unfinished"


def _remove(folder: Path) -> None:
    # A pipe in its place would be waited for.
    if folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)


def _saved(path: Path, kind: type[ExamplesT]) -> ExamplesT | None:
    """Give the examples that a training has saved; None where they are damaged, and have to be made again."""
    arrays = {}
    try:
        for each in fields(kind):
            with open_regular(path / f"{each.name}.npy") as file:
                arrays[each.name] = np.load(file)
    except (OSError, EOFError, ValueError):
        return None
    return kind(**arrays) if len({array.shape[:1] for array in arrays.values()}) == 1 else None
