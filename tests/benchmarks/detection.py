"""What detection costs: ``python tests/benchmarks/detection.py [FILE.h5 …]``.

Processor time of one k-space beside that of the bare sessions on its ready-cut patches, on raw files where some are
given; then how the cost grows as receivers, lines, samples and partitions double. Run it with ``OMP_NUM_THREADS=1``:
processor time is comparable on a busy machine, threads that wait are not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from gadgets.detection.detector import Detector
from gadgets.indices import Indices
from gadgets.kspace.kspace import KSpace
from gadgets.process import keep_freed_memory
from gadgets.settings import SparkDetectionSettings
from onnx_models import model
from pipelines.files.read_kspaces import read_kspaces

ROUNDS = 5
BASE = (8, 1, 128, 128)
AXES = ("receivers", "partitions", "lines", "samples")


def ellipse(shape: tuple[int, int, int, int]) -> KSpace:
    """Make a k-space ``(coil, kz, ky, kx)`` of an ellipse in noise; the object is as large in every scan."""
    n_coils, n_partitions, n_lines, n_samples = shape
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) for n in (n_lines, n_samples)), indexing="ij")
    slopes = rng.uniform(-2, 2, (2, n_coils, n_partitions, 1, 1))
    image = 20 * ((y / 0.6) ** 2 + (x / 0.5) ** 2 < 1) * np.exp(1j * (slopes[0] * y + slopes[1] * x))
    image = image + (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    data = np.fft.fftshift(np.fft.fft2(image, norm="ortho"), axes=(2, 3)).astype(np.complex64)
    grid = (n_partitions, n_lines)
    counter = np.zeros(grid, dtype=np.int64)
    centre = (n_partitions // 2, n_lines // 2, n_samples // 2)
    return KSpace(data, np.ones(shape[1:], bool), Indices(), counter, counter, np.zeros(grid, bool), centre)


class Sessions:
    """Counts the processor time of the sessions while they run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._run = model.run_session

    def __call__(self, *arguments: object) -> object:
        """Run a session."""
        start = time.process_time()
        result = self._run(*arguments)
        self.seconds += time.process_time() - start
        return result


def cost(detector: Detector, kspace: KSpace) -> tuple[float, float, int]:
    """Give the milliseconds of a detection and of its sessions, the best of some rounds, and the points found."""
    totals, inner = [], []
    for _ in range(ROUNDS):
        sessions = Sessions()
        with patch.object(model, "run_session", sessions):
            start = time.process_time()
            detection = detector.detect(kspace)
            totals.append(time.process_time() - start)
        inner.append(sessions.seconds)
    return 1e3 * min(totals), 1e3 * min(inner), len(detection.points)


def tabulate(title: str, cases: Iterable[tuple[str, Callable[[], KSpace]]], detector: Detector) -> Table:
    """Measure cases, each compared with the first."""
    table = Table(title=title)
    for heading in ("k-space", "shape", "points", "detection ms", "sessions ms", "ratio", "x the first"):
        table.add_column(heading)
    first = 0.0
    for name, make in cases:
        kspace = make()
        total, inner, n_points = cost(detector, kspace)
        first = first or total
        shape = " x ".join(map(str, kspace.data.shape))
        numbers = f"{total:.1f}", f"{inner:.1f}", f"{total / inner:.1f}", f"{total / first:.2f}"
        table.add_row(name, shape, str(n_points), *numbers)
    return table


def doubled(axis: int) -> tuple[int, int, int, int]:
    """Give the shape that is twice as long along an axis."""
    n_coils, n_partitions, n_lines, n_samples = (n * (1 + (i == axis)) for i, n in enumerate(BASE))
    return n_coils, n_partitions, n_lines, n_samples


def main() -> None:
    """Measure and print."""
    keep_freed_memory()
    detector = Detector(SparkDetectionSettings(provider="cpu"))
    files = [(Path(name).stem, lambda name=name: next(iter(read_kspaces(Path(name)))).kspace) for name in sys.argv[1:]]
    if files:
        Console().print(tabulate("first k-space of each file, one thread", files, detector))
    cases = [("base", lambda: ellipse(BASE))]
    cases += [(f"twice the {axis}", lambda i=i: ellipse(doubled(i))) for i, axis in enumerate(AXES)]
    cases += [("16 x 256 x 512", lambda: ellipse((16, 1, 256, 512)))]
    Console().print(tabulate("an ellipse, one thread", cases, detector))


if __name__ == "__main__":
    main()
