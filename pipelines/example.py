# %% [markdown]
"""
# From a raw file to pictures

What was found in a raw file, why, and what was repaired. Run it cell by cell in an editor that knows `# %%` cells. Or
open it as a notebook: jupytext does that. Or run it whole: `python pipelines/example.py [RAW.h5]` leaves two pictures
where it is run.
"""

# %%
from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gadgets import SparkDetector
from gadgets.arrays import FloatArray
from gadgets.evidence import CHANNELS, gather_evidence
from gadgets.image import centred_inverse_fft
from gadgets.kspace import planes_of
from pipelines.files import read_kspaces
from pipelines.phantom import PhantomScan, SparkPlan, simulate_file, write_phantom

# %% [markdown]
"""
## A raw file

Your own, in MRD (ISMRMRD) format; or a head that nobody scanned, with sparks put in.
"""

# %%
given = [Path(argument) for argument in sys.argv[1:] if argument.endswith(".h5")]
with tempfile.TemporaryDirectory() as scratch:
    raw = given[0] if given else Path(scratch) / "sparked.h5"
    if not given:
        write_phantom(Path(scratch) / "clean.h5", PhantomScan(matrix=96, n_coils=6, n_slices=1))
        simulate_file(Path(scratch) / "clean.h5", raw, Path(scratch) / "truth.json", SparkPlan(seed=4, rnr_min=0.5))
    # One k-space: all imaging readouts of one slice, contrast, repetition …, shape (coil, kz, ky, kx).
    kspace = next(iter(read_kspaces(raw))).kspace
print("coils, partitions, lines, samples:", kspace.data.shape)

# %% [markdown]
"""
## What was found

The detector opens its models once and then takes any number of k-spaces. A point is one abnormal sample; consecutive
points of one readout are one spark.
"""

# %%
about: dict[str, Any] = {"sampled": kspace.sampled, "centre": kspace.centre, "reversed_lines": kspace.reversed_lines}
detector = SparkDetector()
found = detector.find(kspace.data, **about)
print(len(found.points), "abnormal points", found.warning)
for point in found.points:
    place = f"line {point.line:3}, sample {point.sample:3}"
    print(f"  {place}, receivers {point.receivers}, probability {point.probability:.2f}")

# %% [markdown]
"""
## Why

The models do not look at magnitudes. They look at maps in which a sample stands out that does not belong to its
surroundings. `innovation` asks what all other samples and the dark background of the image say of it; `residual` asks
its neighbours in all receivers; `mirror` asks the sample on the other side of the centre.
"""

# %%
plane = next(iter(planes_of(kspace)))
evidence = gather_evidence(plane.data, plane.valid, without_obvious=True)
shown = ("magnitude", "innovation", "residual", "mirror")
places = [plane.index_of(point.line, point.sample) for point in found.points if point.partition == plane.partition]
figure = Figure(figsize=(12, 7), layout="constrained")
for axes, name in zip(figure.subplots(2, 2).flat, shown, strict=True):
    axes.imshow(evidence.maps[CHANNELS.index(name)], cmap="magma", aspect="auto", interpolation="nearest")
    axes.scatter([sample for _, sample in places], [line for line, _ in places], s=60, fc="none", ec="#3ddc84")
    axes.set_title(name)
    axes.axis("off")
figure.savefig("evidence.png", dpi=100)

# %% [markdown]
"""
## What was repaired

A new array: only the samples that were found differ, and only in the receivers that were hit. A repair is refused where
it might do harm.
"""

# %%
repaired = detector.repair(kspace.data, found, **about)
changed = np.argwhere((repaired != kspace.data).any(axis=0))
print(len(changed), "of", kspace.sampled.sum(), "samples were changed")


def image_of(samples: np.ndarray) -> FloatArray:
    """Root sum of squares over the receivers, of the partition in the middle."""
    image = centred_inverse_fft(samples, (1, 2, 3))[:, samples.shape[1] // 2]
    return np.asarray(np.sqrt(np.sum(np.abs(image) ** 2, axis=0)))


# %%
before, after = image_of(kspace.data), image_of(repaired)
white = float(np.quantile(after, 0.99))
figure = Figure(figsize=(12, 2.4), layout="constrained")
pictures = {"before": (before, white), "after": (after, white), "difference, x 5": (abs(before - after), white / 5)}
for axes, (title, (image, brightest)) in zip(figure.subplots(1, 3), pictures.items(), strict=True):
    axes.imshow(image, cmap="gray", vmin=0, vmax=brightest)
    axes.set_title(title)
    axes.axis("off")
figure.savefig("before-and-after.png", dpi=100)
