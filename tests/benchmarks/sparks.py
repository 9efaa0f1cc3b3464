"""What sparks cost: ``python tests/benchmarks/sparks.py [--random N] [--seed N]``.

Processor time of detection and repair together, over that of detection of the same k-space without sparks: a simulated
head, one thread, models opened before. The worst of N random cases is taken from these shapes and, where DESPARK_DATA
names a folder, from all raw files in it. Goals are those that the project set itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gadgets.detection import LooksForSparks, open_detector
from gadgets.failing_open import calibrate
from gadgets.kspace import KSpace, kspace_of
from gadgets.process import keep_freed_memory, keep_one_blas_thread
from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from pipelines.files import read_kspaces
from pipelines.phantom import PhantomScan
from pipelines.phantom.phantom_file import kspace_of_slice

SHAPES = ((32, 64, 128), (8, 128, 128), (8, 128, 256), (16, 256, 512), (32, 256, 512))
GOALS = {"1 outer": 1.4, "5 anywhere": 2.0, "12 around the centre": 4.0, "200 anywhere": 6.0, "random": 8.0}
N_DRAWS, N_OF_MANY = 20, 5
"""Draws of a case, of which the median counts and the worst is told; and of 200 sparks, which differ less."""

Place = tuple[int, int, int]


def head(n_coils: int, n_lines: int, n_samples: int) -> KSpace:
    """Give one slice of a head that nobody scanned, noise of standard deviation 1."""
    rng = np.random.default_rng(0)
    matrix = max(n_lines, n_samples // 2)
    whole = kspace_of_slice(PhantomScan(matrix=matrix, n_coils=n_coils, n_slices=1), 0, rng)
    lines, samples = ((n - wanted) // 2 for n, wanted in zip(whole.shape[1:], (n_lines, n_samples), strict=True))
    cut = whole[:, lines : lines + n_lines, samples : samples + n_samples]
    noise = rng.normal(size=(2, *cut.shape)) / np.sqrt(2)
    return kspace_of(np.asarray(cut + noise[0] + 1j * noise[1], np.complex64))


def with_sparks(
    kspace: KSpace, places: Sequence[Place], rnr: float, rng: np.random.Generator, *, single: bool
) -> KSpace:
    """Add sparks of a ripple-to-noise ratio, in all receivers or in one."""
    data = kspace.data.copy()
    noise = float(np.median(np.abs(data[..., :6]))) / np.sqrt(np.log(2))
    for partition, line, sample in places:
        gains = np.exp(rng.normal(0, 0.5, len(data)) + 2j * np.pi * rng.random(len(data)))
        if single:
            gains *= np.arange(len(data)) == rng.integers(len(data))
        size = rnr * noise * np.sqrt(data[0].size) / np.abs(gains).max()
        data[:, partition, line, sample] += (size * gains).astype(np.complex64)
    return replace(kspace, data=data)


def anywhere(kspace: KSpace, n: int, rng: np.random.Generator) -> list[Place]:
    """Draw acquired samples."""
    sampled = np.argwhere(kspace.sampled)
    return [(int(p), int(line), int(sample)) for p, line, sample in sampled[rng.integers(0, len(sampled), n)]]


def where(kspace: KSpace, n: int, rng: np.random.Generator, radius: Callable[[float], bool]) -> list[Place]:
    """Draw acquired samples at some distances from the centre, 1 being the border."""
    centre, half = np.array(kspace.centre[1:]), np.array(kspace.sampled.shape[1:]) / 2
    places: list[Place] = []
    while len(places) < n:
        (place,) = anywhere(kspace, 1, rng)
        if radius(float(np.hypot(*((np.array(place[1:]) - centre) / half)))):
            places.append(place)
    return places


def cost(kspace: KSpace, detector: LooksForSparks) -> float:
    """Measure detection and repair in processor time."""
    start = time.process_time()
    found = detector.detect(kspace)
    calibrate(
        kspace, found.points, CalibrationSettings(threads=1, time_limit=None), None, found.target_patches, found.repairs
    )
    return time.process_time() - start


def over_clean(sparked: KSpace, clean: KSpace, detector: LooksForSparks) -> float:
    """Measure the cost of a k-space over that of the clean one, which is judged just before and after it."""
    # Side by side: how busy a machine is changes from one second to the next, and processor time with it.
    before, now, after = (cost(each, detector) for each in (clean, sparked, clean))
    return now / min(before, after)


def ratios(kspace: KSpace, detector: LooksForSparks) -> Iterator[tuple[str, float, float]]:
    """Give the cases by name, each with its cost over that of the clean k-space: median and worst."""
    rng = np.random.default_rng(1)
    cases = {
        "1 outer": [where(kspace, 1, rng, lambda radius: radius > 0.3) for _ in range(N_DRAWS)],
        "5 anywhere": [anywhere(kspace, 5, rng) for _ in range(N_DRAWS)],
        "12 around the centre": [where(kspace, 12, rng, lambda radius: radius < 0.1) for _ in range(N_DRAWS)],
        "200 anywhere": [anywhere(kspace, 200, rng) for _ in range(N_OF_MANY)],
    }
    for name, draws in cases.items():
        for single in (False, True):
            sparked = (with_sparks(kspace, places, 1.0, rng, single=single) for places in draws)
            costs = [over_clean(each, kspace, detector) for each in sparked]
            yield f"{name}, {'one receiver' if single else 'all receivers'}", float(np.median(costs)), max(costs)


def random_cases(n: int, seed: int) -> Iterator[tuple[str, KSpace, KSpace]]:
    """Draw k-spaces, clean and with 1 to 20 sparks."""
    kspaces = {f"{shape}": head(*shape) for shape in SHAPES}
    for file in sorted(Path(os.environ.get("DESPARK_DATA", "nowhere")).glob("*.h5")):
        kspaces[file.stem] = next(iter(read_kspaces(file))).kspace
    rng = np.random.default_rng(seed)
    names = list(kspaces)
    for number in range(n):
        name = names[number % len(names)]
        kspace, n_sparks, rnr = kspaces[name], int(rng.integers(1, 21)), float(np.exp(rng.uniform(*np.log((0.1, 4)))))
        sparked = with_sparks(kspace, anywhere(kspace, n_sparks, rng), rnr, rng, single=rng.random() < 0.3)
        yield f"{name}: {n_sparks} sparks, ratio {rnr:.2f}", kspace, sparked


def main() -> None:
    """Print a table per shape, and the worst of the random cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    keep_freed_memory()
    keep_one_blas_thread()
    detector = open_detector(SparkDetectionSettings(provider="cpu", time_limit=None, threads=1))
    for shape in SHAPES:
        kspace = head(*shape)
        cost(kspace, detector)
        sys.stdout.write(f"\n{shape[0]} receivers x {shape[1]} x {shape[2]}\n")
        for name, usual, most in ratios(kspace, detector):
            goal = GOALS[name.partition(",")[0]]
            sys.stdout.write(f"  {name:38}{usual:6.2f}{most:6.2f}   goal {goal:g}\n")
            sys.stdout.flush()
    if asked.random:
        worst = sorted(
            (over_clean(sparked, clean, detector), name)
            for name, clean, sparked in random_cases(asked.random, asked.seed)
        )
        sys.stdout.write(f"\n{asked.random} random cases, seed {asked.seed}: goal {GOALS['random']:g}, worst\n")
        for ratio, name in worst[:-6:-1]:
            sys.stdout.write(f"  {ratio:6.2f}  {name}\n")


if __name__ == "__main__":
    main()
