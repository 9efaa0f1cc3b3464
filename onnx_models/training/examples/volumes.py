"""Volumes: clean 3D k-space, drawn or recorded, and the cuboids cut from it.

Each partition has its own evidence, as at the scanner; what a cuboid adds is the partitions on either side, in which
a structure of the object goes on and a spark, which is one readout, does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.evidence.maps import N_STRIKING, gather_evidence
from gadgets.patches.cutting import cut, divide, relative_positions
from onnx_models.training.examples.patches import Examples, joined
from onnx_models.training.examples.phantoms import add_noise
from onnx_models.training.examples.processes import in_processes
from onnx_models.training.examples.sparks import SparkedPlane, add_sparks

# Shorter along the partitions, of which there are few.
CUBOID = (8, 16, 16)
FEWEST_PARTITIONS = 32
SIZES = (24, 32, 40, 48)
"""Partitions, lines and samples of a volume: the smaller they are, the more volumes there can be."""


def volumes_among(planes: Sequence[ComplexArray]) -> list[ComplexArray]:
    """Stack recorded planes that follow each other in one size, shape ``(coil, partition, line, sample)``.

    Fewer than 32 are slices or contrasts rather than partitions.
    """
    runs = (list(run) for _, run in groupby(planes, key=lambda plane: plane.shape))
    return [np.stack(run, axis=1) for run in runs if len(run) >= FEWEST_PARTITIONS]


def make_cuboids(
    recordings: Mapping[str, Sequence[ComplexArray]], n_volumes: int, seed: int, processes: int
) -> Examples:
    """Make examples from `n_volumes` volumes: half of them phantoms, or all where none was recorded.

    Patches ``(n, channel, partition, line, sample)``, positions ``(n, 5)``, masks without the channel.
    """
    recorded = [volume for source in sorted(recordings) for volume in volumes_among(recordings[source])]
    seeds = np.random.SeedSequence(seed).spawn(n_volumes)
    return joined(list(in_processes(partial(_volume_examples, recorded), seeds, processes)))


def _volume_examples(recorded: Sequence[ComplexArray], seed: np.random.SeedSequence) -> Examples:
    rng = np.random.default_rng(seed)
    is_recorded = bool(recorded) and rng.random() < 0.5
    volume = vary_volume(recorded[int(rng.integers(len(recorded)))], rng) if is_recorded else phantom_volume(rng)
    return cuboids_of(volume, rng)


def phantom_volume(rng: np.random.Generator) -> ComplexArray:
    """Make clean 3D k-space of ellipsoids, shape ``(coil, partition, line, sample)``."""
    shape = tuple(int(n) for n in rng.choice(SIZES, 3))
    n_coils = int(rng.choice([1, 2, 3, 4, 6, 8]))
    grid = tuple(2 * n for n in shape)
    axes = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False, dtype=np.float32) for n in grid), indexing="ij")
    # As in two dimensions, some objects fill the field of view and leave no background.
    extent = rng.uniform(0.4, 0.95) if rng.random() < 0.87 else 2.5
    image = rng.uniform(0.3, 1) * _ellipsoid(axes, np.zeros(3), rng.uniform(0.5, 1, 3) * extent)
    for _ in range(int(rng.integers(2, 12))):
        where, half = rng.uniform(-0.6, 0.6, 3) * extent, rng.uniform(0.03, 0.4, 3) * extent
        image = image + rng.uniform(-0.5, 1) * _ellipsoid(axes, where, half)
    phase = sum(rng.normal(0, 1.5) * axis + rng.normal(0, 0.8) * axis**2 for axis in axes)
    # Single precision: the fine grid of a volume is eight times as large as its k-space.
    whole = (image * np.exp(1j * phase)).astype(np.complex64)
    window = tuple(slice(n // 2, n // 2 + n) for n in shape)
    coils = [fft.fftshift(fft.fftn(fft.ifftshift(whole * _receiver(axes, rng))))[window] for _ in range(n_coils)]
    return add_noise(np.stack(coils), rng).astype(np.complex64)


def _ellipsoid(axes: Sequence[FloatArray], where: FloatArray, half: FloatArray) -> FloatArray:
    distance = sum(((axis - at) / length) ** 2 for axis, at, length in zip(axes, where, half, strict=True))
    return np.asarray(np.less(distance, 1), dtype=np.float32)


def _receiver(axes: Sequence[FloatArray], rng: np.random.Generator) -> ComplexArray:
    """Smooth sensitivity of one receiver beside the object, with its own phase."""
    direction = rng.standard_normal(3)
    place = direction / np.linalg.norm(direction) * rng.uniform(0.7, 1.4)
    distance = sum((axis - at) ** 2 for axis, at in zip(axes, place, strict=True))
    turn = sum(rng.normal(0, 1) * axis for axis in axes) + rng.uniform(0, 2 * np.pi)
    return np.asarray(np.exp(-distance / rng.uniform(0.4, 1.5) ** 2 + 1j * turn), dtype=np.complex64)


def vary_volume(volume: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Make a new clean volume from a recorded one: a window of it, some receivers, mirrored, noisier."""
    for axis in (1, 2, 3):
        n = volume.shape[axis]
        size = min(n, int(rng.choice(SIZES)))
        # About the middle: elsewhere the window would hold hardly any signal.
        first = int(np.clip((n - size) // 2 + rng.integers(-4, 5), 0, n - size))
        volume = volume.take(range(first, first + size), axis=axis)
        if rng.random() < 0.5:
            volume = np.flip(volume, axis)
    chosen = rng.choice(len(volume), int(rng.integers(1, len(volume) + 1)), replace=False)
    volume = volume[chosen]
    noise = np.median(np.abs(volume[..., [0, -1]])) * np.exp(rng.uniform(-2, 1.5))
    white = rng.standard_normal(volume.shape) + 1j * rng.standard_normal(volume.shape)
    return np.ascontiguousarray(volume + noise * white, dtype=np.complex64)


def cuboids_of(volume: ComplexArray, rng: np.random.Generator) -> Examples:
    """Put sparks into a clean volume, gather the evidence of each partition, and cut cuboids."""
    sparked = _with_sparks(volume, rng)
    evidence = [gather_evidence(np.ascontiguousarray(plane)) for plane in np.moveaxis(sparked.data, 1, 0)]
    maps = np.stack([each.maps for each in evidence], axis=1)
    shape = maps.shape[1:]
    offset = np.array([int(rng.integers(0, min(8, n - size + 1))) for n, size in zip(shape, CUBOID, strict=True)])
    anchors = divide([int(n) for n in shape - offset], CUBOID) + offset
    labels = np.where(sparked.abnormal, 1, np.where(sparked.ignored, 2, 0)).astype(np.uint8)
    masks = np.asarray(cut(labels, anchors, CUBOID), dtype=np.uint8)
    rows = _chosen(masks, np.asarray(cut(maps[:N_STRIKING].sum(axis=0), anchors, CUBOID)), rng)
    loudest = int(np.argmax([each.level.max() for each in evidence]))
    positions = relative_positions(anchors[rows], CUBOID, (loudest, *evidence[loudest].centre), shape)
    return Examples(np.asarray(cut(maps, anchors[rows], CUBOID), dtype=np.float16), positions, masks[rows])


def _chosen(masks: NDArray[np.uint8], striking: NDArray[np.generic], rng: np.random.Generator) -> NDArray[np.intp]:
    with_spark = (masks == 1).any(axis=(1, 2, 3))
    sparked, clean = np.flatnonzero(with_spark), np.flatnonzero(~with_spark)
    hardest = clean[np.argsort(-striking[clean].max(axis=(1, 2, 3)))[:8]]
    return np.unique(np.concatenate([rng.permutation(sparked)[:12], hardest, rng.permutation(clean)[:4]])).astype(int)


def _with_sparks(volume: ComplexArray, rng: np.random.Generator) -> SparkedPlane:
    """Add sparks anywhere, as strong as the whole volume's ripple, and some more around the loudest partition."""
    n_coils, n_partitions, _, n_samples = volume.shape
    # As one long plane, so that the strength counts all samples of the volume, as the ripple does.
    everywhere = add_sparks(volume.reshape(n_coils, -1, n_samples), rng, int(rng.integers(0, 20)))
    # Back from the one long plane to ``(coil, partition, line, sample)``.
    data = everywhere.data.reshape(volume.shape)
    abnormal, ignored = (each.reshape(volume.shape[1:]) for each in (everywhere.abnormal, everywhere.ignored))
    loudest = int(np.argmax(np.abs(volume).sum(axis=(0, 2, 3))))
    for _ in range(int(rng.integers(0, 8))):
        near = int(np.clip(np.rint(loudest + rng.normal(0, 3)), 0, n_partitions - 1))
        plane = add_sparks(data[:, near], rng, 1)
        data[:, near] = plane.data
        abnormal[near] |= plane.abnormal
        ignored[near] |= plane.ignored
    # A sample that two sparks hit is abnormal if one of them can be told.
    return SparkedPlane(data, abnormal, ignored & ~abnormal)
