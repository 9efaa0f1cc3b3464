"""Pictures as a browser shows them: PNG files, and the marks on k-space."""

from __future__ import annotations

import io

import numpy as np

from gadgets.arrays import FloatArray
from pipelines.inspection.pictures import KSpacePictures, scaled_kspace


def gray_png(image: FloatArray, white: float) -> bytes:
    """Draw a magnitude image, shape ``(y, x)``, in which `white` is the brightness that is shown as white."""
    return _png(np.clip(image / (white or 1.0), 0, 1), "gray")


def kspace_png(magnitude: FloatArray) -> bytes:
    """Draw the magnitudes of k-space, shape ``(line, sample)``, by their logarithm."""
    return _png(scaled_kspace(magnitude), "magma")


def marks_svg(pictures: KSpacePictures) -> str:
    """Circle the sparks of the partition that is shown, green where they were repaired and red where not."""
    n_lines, n_samples = pictures.kspace.shape
    circles = [
        f'<ellipse cx="{100 * (spark.samples[len(spark.samples) // 2] + 0.5) / n_samples:.2f}" '
        f'cy="{100 * (spark.line + 0.5) / n_lines:.2f}" rx="2.2" ry="2.2" fill="none" stroke-width="0.7" '
        f'stroke="{"#3ddc84" if spark.is_repaired else "#ff6b5e"}"/>'
        for spark in pictures.sparks
        if spark.partition == pictures.partition
    ]
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{"".join(circles)}</svg>'


def _png(values: FloatArray, colours: str) -> bytes:
    # It takes a third of a second to import, and other commands need none of it.
    from matplotlib.image import imsave

    target = io.BytesIO()
    imsave(target, values, cmap=colours, vmin=0, vmax=1, format="png")
    return target.getvalue()
