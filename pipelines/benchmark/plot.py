"""The result of a benchmark as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines.benchmark.score import GROUPS, ScoredEvent
from pipelines.benchmark.sparks import MAX_RNR, MIN_RNR
from pipelines.benchmark.totals import FileScore, found_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b6e4f", "#d1495b", "#5b6c8f", "#e0a030", "#7a4fa3", "#3fa7d6", "#8a8d35", "#c06c9b")
N_STRENGTHS = 6
TICKS = (0.1, 0.25, 0.5, 1, 2, 4)


def save_plot(path: Path, scores: Sequence[FileScore], file_format: str) -> None:
    """Draw found against strength for each ring, harm per file and error left per run.

    Parameters
    ----------
    path
        The file to write.
    scores
        Those of all rivals; files that do not count as clean are left out.
    file_format
        ``png``, ``pdf`` or ``svg``.
    """
    # Most runs draw nothing, and it takes a third of a second to import.
    from matplotlib.figure import Figure

    clean = [score for score in scores if score.counts_as_clean]
    rivals = list(dict.fromkeys(score.rival for score in clean))
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    rows = figure.add_gridspec(2, 1)
    above, below = rows[0].subgridspec(1, 3), rows[1].subgridspec(1, 2, width_ratios=(2, 1))
    rings = [figure.add_subplot(above[column]) for column in range(3)]
    for ring, axes in zip(GROUPS["ring"], rings, strict=True):
        for rival, colour in zip(rivals, _colours(len(rivals)), strict=True):
            events = [event for score in clean if score.rival == rival for event in score.events]
            _plot_sensitivity(axes, [event for event in events if event.group("ring") == ring], rival, colour)
        axes.set(
            title=f"sparks found, radius {ring.removeprefix('r ')}", xlabel="ripple-to-noise ratio", ylim=(-2, 102)
        )
        axes.grid(alpha=0.3)
    rings[0].set_ylabel("found [%]")
    rings[-1].legend(loc="lower right")
    harm, error = (figure.add_subplot(below[column]) for column in range(2))
    _plot_harm(harm, clean, rivals)
    _plot_errors(error, clean, rivals)
    figure.savefig(path, dpi=110, format=file_format)


def _plot_sensitivity(axes: Axes, events: Sequence[ScoredEvent], rival: str, colour: str) -> None:
    # Even in logarithms, as the strengths were drawn: each class has about as many sparks.
    edges = np.geomspace(MIN_RNR, MAX_RNR, N_STRENGTHS + 1)
    strengths, shares, errors = [], [], []
    for low, high in pairwise(edges):
        proportion = found_of(event for event in events if low <= event.rnr < high)
        if proportion.trials:
            lower, upper = proportion.interval
            # The middle of a class on a logarithmic axis.
            strengths.append(np.sqrt(low * high))
            shares.append(100 * proportion.share)
            errors.append((100 * (proportion.share - lower), 100 * (upper - proportion.share)))
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlim(0.9 * MIN_RNR, 1.1 * MAX_RNR)
    if strengths:
        # Rounding can make an end of the interval reach just beyond the share.
        bars = np.maximum(np.transpose(errors), 0)
        axes.errorbar(strengths, shares, bars, color=colour, marker="o", capsize=2, label=rival, elinewidth=0.8)


def _plot_harm(axes: Axes, scores: Sequence[FileScore], rivals: Sequence[str]) -> None:
    files = sorted({score.file for score in scores})
    width = 0.8 / max(len(rivals), 1)
    for number, (rival, colour) in enumerate(zip(rivals, _colours(len(rivals)), strict=True)):
        # Per k-space, so that a file of many of them does not look worse for it.
        harm = {score.file: score.harmed / score.n_kspaces for score in scores if score.rival == rival}
        places = np.arange(len(files)) + (number + 0.5) * width - 0.4
        axes.bar(places, [harm.get(file, 0) for file in files], width, color=colour, label=rival)
    axes.set_xticks(range(len(files)), files, rotation=35, ha="right", fontsize=8)
    # Zero has to show, and rivals may be orders of magnitude apart.
    axes.set_yscale("symlog", linthresh=1)
    axes.set(title="clean samples changed per k-space", ylim=(0, None))


def _plot_errors(axes: Axes, scores: Sequence[FileScore], rivals: Sequence[str]) -> None:
    # A logarithmic axis has no zero.
    least = 1e-3
    for number, (rival, colour) in enumerate(zip(rivals, _colours(len(rivals)), strict=True)):
        errors = [error for score in scores if score.rival == rival for error in score.errors_left]
        finite = np.maximum([error for error in errors if np.isfinite(error)], least)
        # Beside each other in order of size, as equal errors would lie on top of each other.
        spread = np.linspace(-0.25, 0.25, len(finite)) if len(finite) > 1 else np.zeros(len(finite))
        axes.scatter(number + spread, np.sort(finite), s=9, color=colour)
        if len(finite):
            axes.plot([number - 0.3, number + 0.3], [np.median(finite)] * 2, color="black")
    axes.axhline(1, color="grey", linestyle=":")
    axes.set_yscale("log")
    axes.set_xticks(range(len(rivals)), rivals)
    axes.set(title="image error left, per run (1 = as before; bar: median)")


def _colours(n_rivals: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(n_rivals)]
