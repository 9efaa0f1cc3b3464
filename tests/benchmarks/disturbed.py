"""Harm in disturbed k-spaces: ``python tests/benchmarks/disturbed.py FILE.h5 … [--models FOLDER] [--seeds N]``.

Patients move, hearts miss a beat, gains jump: the k-space is disturbed then, and no spark is in it. Clean recordings
are disturbed here in such ways, and what despark and a median filter change in them is counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
from rich.console import Console
from rich.table import Table

from gadgets.arrays import ComplexArray
from gadgets.image import centred_fft, centred_inverse_fft
from gadgets.kspace import KSpace
from pipelines.benchmark.despark import open_despark
from pipelines.benchmark.readouts import noise_sigma
from pipelines.benchmark.rivals import local_median
from pipelines.benchmark.score import count_changed
from pipelines.benchmark.series import PLANE, away_for_a_while, shifted, turned, with_front_moved
from pipelines.files.read_kspaces import read_kspaces

MOST_OF_FILE = 2  # k-spaces, the first and the last: series of a file are alike


def from_line_on(data: ComplexArray, other: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Take the readouts from some line on from another k-space."""
    is_late = np.arange(data.shape[-2]) > rng.uniform(0.2, 0.8) * data.shape[-2]
    return np.where(is_late[:, None], other, data)


def moved(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Let the object move by some pixels once."""
    return from_line_on(data, shifted(data, *rng.normal(0, 1.5, 2)), rng)


def nodded(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Let the object turn by some degrees once."""
    image = turned(centred_inverse_fft(data, PLANE), float(rng.normal(0, 3)))
    return from_line_on(data, centred_fft(image, PLANE), rng)


def swallowed(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Move the front of the object by some pixels while some of the readouts are acquired."""
    elsewhere = centred_fft(with_front_moved(centred_inverse_fft(data, PLANE), rng), PLANE)
    return np.where(away_for_a_while(data.shape[-2], rng), elsewhere, data)


def jolted(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Displace one to three readouts near the centre."""
    n_lines = data.shape[-2]
    first = int(n_lines / 2 + rng.normal(0, 0.08 * n_lines))
    away = np.isin(np.arange(n_lines), first + np.arange(rng.integers(1, 4)))
    return np.where(away[:, None], shifted(data, *rng.normal(0, 2, 2)) * np.exp(0.7j * rng.normal()), data)


def weakened(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Weaken some readouts, as where a heart beats out of time."""
    is_weak = rng.random(data.shape[-2]) < 0.06
    return np.where(is_weak[:, None], data * rng.uniform(0, 0.6), data)


def breathing(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Move the object up and down while the readouts are acquired."""
    turns = np.arange(data.shape[-2])[:, None] * rng.uniform(0.05, 0.5)
    return shifted(data, rng.uniform(0.5, 3) * np.sin(2 * np.pi * turns), 0.0)


def ghosted(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Displace every second readout, and turn its phase, as in EPI that was not corrected."""
    is_odd = np.arange(data.shape[-2])[:, None] % 2 == 1
    return np.where(is_odd, shifted(data, 0.0, rng.normal(0, 0.7)) * np.exp(1j * rng.uniform(0.1, 0.6)), data)


def in_shots(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Give groups of readouts that follow each other gains and phases of their own."""
    n_lines = data.shape[-2]
    gains = (1 + 0.1 * rng.normal(size=n_lines)) * np.exp(0.3j * rng.normal(size=n_lines))
    return np.asarray(data * np.repeat(gains, rng.integers(2, 9))[:n_lines, None])


def tagged(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Put stripes into the object, as for the motion of the heart: the echo's peak stands in several places."""
    away = (rng.uniform(-0.25, 0.25, 2) * data.shape[-2:]).astype(int)
    depth = rng.uniform(0.15, 0.5)
    sides = np.roll(data, away, (-2, -1)) + np.roll(data, -away, (-2, -1))
    return np.asarray(data + depth * sides)


def disturbed_by_noise(data: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Make some readouts as a whole noisier, by twice the noise at the ends of the readouts."""
    ends = np.abs(data[..., [0, 1, 2, -3, -2, -1]])
    noise = rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape)
    is_noisy = rng.random(data.shape[-2])[:, None] < 0.2
    return np.asarray(data + 2 * np.median(ends[ends > 0]) * noise * is_noisy)


DISTURBANCES: Mapping[str, Callable[[ComplexArray, np.random.Generator], ComplexArray]] = {
    "moved once": moved,
    "turned once": nodded,
    "front moved for a while (swallowing)": swallowed,
    "one to three readouts displaced": jolted,
    "some readouts weaker": weakened,
    "moved up and down (breathing)": breathing,
    "every second readout displaced (ghost)": ghosted,
    "groups of readouts with other gains and phases": in_shots,
    "stripes in the object (tagging)": tagged,
    "some readouts with more noise": disturbed_by_noise,
}


def disturbed(kspace: KSpace, name: str, seed: list[int]) -> KSpace:
    """Disturb a k-space; places that were not acquired stay empty."""
    changed = DISTURBANCES[name](kspace.data.astype(np.complex128), np.random.default_rng(seed))
    return replace(kspace, data=np.where(kspace.sampled, changed, 0).astype(np.complex64))


def clean_kspaces(files: list[Path]) -> dict[tuple[str, int], KSpace]:
    """Read some k-spaces of each file, by its name and their number: those with noise and without gaps."""
    found = {}
    for file in files:
        kspaces = [each.kspace for each in read_kspaces(file)]
        for number in sorted({0, len(kspaces) - 1})[:MOST_OF_FILE]:
            # An image with parts left out is folded: what moves in it would not move as an object does.
            if kspaces[number].sampled.all() and noise_sigma(kspaces[number]) > 0:
                found[file.stem, number] = kspaces[number]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--models", default="", help="folder of models that were not trained on the files")
    parser.add_argument("--seeds", type=int, default=3, help="draws for each k-space")
    asked = parser.parse_args()
    models = {"spark_detection.models": asked.models} if asked.models else {}
    rivals = {"despark": open_despark({"spark_detection.provider": "cpu", **models}), "local median": local_median}
    kspaces = clean_kspaces(asked.files)
    table = Table("disturbance", "k-spaces", *(f"{name}: changed, in k-spaces" for name in rivals))
    for disturbance in DISTURBANCES:
        changed: dict[str, list[int]] = {name: [] for name in rivals}
        for (file, number), kspace in kspaces.items():
            for draw in range(asked.seeds):
                each = disturbed(kspace, disturbance, [draw, number, crc32(f"{file} {disturbance}".encode())])
                for name, repair in rivals.items():
                    changed[name].append(count_changed(each, repair(each)))
        told = (f"{sum(counts)}, {np.count_nonzero(counts)}" for counts in changed.values())
        table.add_row(disturbance, str(len(kspaces) * asked.seeds), *told)
    Console().print(table)


if __name__ == "__main__":
    main()
