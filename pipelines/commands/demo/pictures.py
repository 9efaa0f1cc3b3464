"""Pictures of the demo: one slice before and after, what differs from the clean image, where the sparks were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from rich.table import Table

from gadgets.arrays import FloatArray
from pipelines.benchmark import INNER_RADIUS, OUTER_RADIUS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIFFERENCE_GAIN = 5
"""Differences are shown this much brighter than the images."""

BACKGROUND, TEXT = "#101418", "#e8ecef"
FOUND_COLOUR, MISSED_COLOUR = "#3ddc84", "#4dd2ff"


@dataclass(frozen=True)
class MarkedSpark:
    """A spark that was put in: its place in k-space, its strength, and whether it was repaired."""

    line: int
    column: int
    rnr: float
    radius: float
    found: bool


@dataclass(frozen=True, eq=False)
class SlicePictures:
    """One slice.

    Attributes
    ----------
    title
        What the picture is headed with.
    clean, before, after
        Magnitude images, shape ``(y, x)``: without sparks, with them, repaired.
    kspace
        Magnitude of the samples with sparks, the largest over receivers, shape ``(ky, kx)``.
    sparks
        What was put in.
    """

    title: str
    clean: FloatArray
    before: FloatArray
    after: FloatArray
    kspace: FloatArray
    sparks: tuple[MarkedSpark, ...]

    @property
    def error_before(self) -> float:
        """Norm of the image error before the repair."""
        return float(np.linalg.norm(self.before - self.clean))

    @property
    def error_after(self) -> float:
        """Norm of the image error after the repair."""
        return float(np.linalg.norm(self.after - self.clean))


def images_of(path: Path) -> dict[int, FloatArray]:
    """Read the images of the chain, shape ``(y, x)``, by slice."""
    images = {}
    with h5py.File(path, "r") as file:
        for group in file["images"].values():
            for header, data in zip(group["header"], group["data"], strict=True):
                images[int(header["slice"])] = np.asarray(data[0, 0])
    return images


def error_table(slices: Sequence[SlicePictures]) -> Table:
    """Show the distance of each image from the clean one, before and after, in % of the clean image."""
    table = Table(title="Image error (% of the clean image's norm)")
    for name in ("slice", "before", "after"):
        table.add_column(name, justify="right")
    for number, pictures in enumerate(slices):
        before, after = errors_of(pictures)
        table.add_row(str(number), f"{before:.2f}", f"{after:.2f}")
    return table


def errors_of(pictures: SlicePictures) -> tuple[float, float]:
    """Give the distance of an image from the clean one, before and after, in % of the clean image's norm."""
    norm = float(np.linalg.norm(pictures.clean)) / 100
    return pictures.error_before / norm, pictures.error_after / norm


def save_pictures(path: Path, pictures: SlicePictures) -> None:
    """Draw a slice in six panels: images and differences, before and after; k-space; strength over radius."""
    # It takes a third of a second to import: the demo says first what it is doing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8.6), facecolor=BACKGROUND, layout="constrained")
    figure.suptitle(pictures.title, color=TEXT, fontsize=15)
    axes = figure.subplots(2, 3)
    # The rim of fat is brighter than the brain; it may saturate.
    white = float(np.quantile(pictures.clean, 0.97))
    faint = white / DIFFERENCE_GAIN
    n_found = sum(spark.found for spark in pictures.sparks)
    left = pictures.error_after / pictures.error_before if pictures.error_before else 0.0
    _show(axes[0, 0], pictures.before, white, "before")
    _show(axes[0, 1], pictures.after, white, f"after despark: {n_found} of {len(pictures.sparks)} sparks repaired")
    _show(axes[1, 0], np.abs(pictures.before - pictures.clean), faint, f"|before − clean|, × {DIFFERENCE_GAIN}")
    _show(
        axes[1, 1],
        np.abs(pictures.after - pictures.clean),
        faint,
        f"|after − clean|, × {DIFFERENCE_GAIN}: {100 * left:.1f} % of the error left",
    )
    _show_kspace(axes[0, 2], pictures)
    _show_strengths(axes[1, 2], pictures.sparks)
    figure.savefig(path, dpi=100, facecolor=BACKGROUND)


def _show(axes: Axes, image: FloatArray, white: float, title: str) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=white, interpolation="bilinear")
    axes.set_title(title, color=TEXT, fontsize=11)
    axes.axis("off")


def _show_kspace(axes: Axes, pictures: SlicePictures) -> None:
    logarithm = np.log10(np.maximum(pictures.kspace, 1e-12))
    # Not to the loudest sample: sparks and echo would leave no colours for the rest.
    low, high = np.quantile(logarithm, (0.01, 0.9995))
    axes.imshow(logarithm, cmap="magma", vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    found = [spark for spark in pictures.sparks if spark.found]
    missed = [spark for spark in pictures.sparks if not spark.found]
    circles = [spark.column for spark in found], [spark.line for spark in found]
    axes.scatter(*circles, s=70, facecolors="none", edgecolors=FOUND_COLOUR, linewidths=1.3)
    axes.scatter([s.column for s in missed], [s.line for s in missed], s=40, color=MISSED_COLOUR, marker="x")
    axes.set_title("raw k-space (log), sparks put in, marked", color=TEXT, fontsize=11)
    axes.axis("off")


def _show_strengths(axes: Axes, sparks: tuple[MarkedSpark, ...]) -> None:
    styles = ((True, FOUND_COLOUR, "o", "found and repaired"), (False, MISSED_COLOUR, "x", "left"))
    for found, colour, marker, label in styles:
        chosen = [spark for spark in sparks if spark.found is found]
        if chosen:
            places = [spark.radius for spark in chosen], [spark.rnr for spark in chosen]
            axes.scatter(*places, s=34, color=colour, marker=marker, label=label)
    for radius in (INNER_RADIUS, OUTER_RADIUS):
        axes.axvline(radius, color=TEXT, alpha=0.3, linewidth=0.8)
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    axes.set_yscale("log")
    axes.set_xticks((0, 0.05, 0.1, 0.3, 1), ("0", "0.05", "0.1", "0.3", "1"))
    axes.set_yticks((0.1, 0.25, 0.5, 1, 2), ("0.1", "0.25", "0.5", "1", "2"))
    axes.minorticks_off()
    axes.set(xlim=(-0.005, 1.5), ylim=(0.08, 3), facecolor=BACKGROUND)
    axes.set_xlabel("distance from the k-space centre (border = 1)", color=TEXT)
    axes.set_ylabel("ripple-to-noise ratio", color=TEXT)
    axes.set_title("sparks put in: strength over radius", color=TEXT, fontsize=11)
    axes.tick_params(colors=TEXT)
    for spine in axes.spines.values():
        spine.set_color(TEXT)
        spine.set_alpha(0.4)
    if sparks:
        axes.legend(loc="lower left", facecolor=BACKGROUND, labelcolor=TEXT, edgecolor="none")
