"""Are models that a site has made better than those that are installed? Both on the same sparks in a phantom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from gadgets.errors import ModelError
from gadgets.findings import counted
from pipelines.benchmark import Draws, FileScore, open_despark, score_file
from pipelines.files import read_kspaces
from pipelines.phantom import PhantomScan, write_phantom

SCAN = PhantomScan(matrix=64, n_coils=4, n_slices=3, seed=11)
SEED = 7
MODEL_SETTINGS = ("spark_detection.models", "calibration.models")


class Comparison(NamedTuple):
    """Own and installed models on the same sparks."""

    own: FileScore
    installed: FileScore

    def sentence(self) -> str:
        """Say which ones did better, and whether the own ones are of use."""
        found, before = (sum(event.found for event in each.events) for each in self)
        numbers = (
            f"of {counted(len(self.own.events), 'spark')} in a phantom the new models find {found}, the installed ones "
            f"{before}; clean samples changed: {self.own.harmed} and {self.installed.harmed}"
        )
        # A model that finds nothing harms nothing, and would seem the better one.
        if not found:
            return f"{numbers}. The new models are of no use: give more files, --planes and --epochs"
        if found < before or self.own.harmed > self.installed.harmed:
            return f"{numbers}. The new models are worse here: measure both on your own files before you use them"
        return f"{numbers}. Measure both on your own files as well"


def compare_with_installed(folder: Path, advance: Callable[[], None] = lambda: None) -> Comparison | None:
    """Score the models of a folder beside those installed; None where the folder is no whole set.

    Parameters
    ----------
    advance
        Called after each k-space.
    """
    try:
        own = open_despark(dict.fromkeys(MODEL_SETTINGS, str(folder)))
    except ModelError:
        # One model alone, as with --only, cannot look for sparks.
        return None
    with TemporaryDirectory(prefix="despark-") as scratch:
        path = Path(scratch) / "phantom.h5"
        write_phantom(path, SCAN)
        kspaces = [acquired.kspace for acquired in read_kspaces(path)]
    rivals = {"own": own, "installed": open_despark({})}
    return Comparison(*score_file("phantom", kspaces, rivals, Draws(SEED), advance=advance))
