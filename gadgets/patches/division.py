"""Makes the patches that the models judge: gathers the evidence of planes, then has it cut.

How an array is cut: :mod:`gadgets.patches.cutting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, IntArray
from gadgets.evidence import Evidence, gather_evidence
from gadgets.kspace import FEWEST_LINES, KSpace, Plane
from gadgets.patches.cutting import CutLater, cut, divide, relative_positions
from gadgets.patches.preprocessing import Preprocessing, preprocess
from gadgets.patches.standard_values import magnitudes_of, standard_value
from gadgets.settings import SparkDetectionSettings

PatchShape = Literal["segment", "rectangle", "cuboid"]
FEWEST_PARTITIONS = 16
"""Fewer partitions than this are no volume: nothing is gained by looking at them together."""


@dataclass(frozen=True, eq=False)
class Patches:
    """One plane, or all planes of a 3D k-space, cut into patches.

    Attributes
    ----------
    planes, evidence
        What was cut; one plane unless the patches are cuboids.
    anchors
        First sample of each patch: plane, line and sample, shape ``(n, 3)``.
    shape
        Of one patch: planes, lines and samples.
    values
        What the models look at, shape ``(n, channel, line, sample)``, or ``(n, channel, plane, line, sample)`` of
        cuboids; not cut yet where it is evidence.
    positions
        See :func:`gadgets.patches.cutting.relative_positions`, shape ``(n, 4)``, ``(n, 5)`` of cuboids.
    """

    planes: Sequence[Plane]
    evidence: Sequence[Evidence]
    anchors: IntArray
    shape: tuple[int, int, int]
    values: NDArray[np.float32] | CutLater
    positions: NDArray[np.float32]

    def place(self, plane: int, line: int, sample: int) -> tuple[int, int, int]:
        """Turn a place among the planes into one in k-space: partition, line, sample as acquired."""
        return self.planes[plane].place(line, sample)

    @property
    def centre(self) -> tuple[int, int, int]:
        """The place with the loudest surroundings: plane, line and sample."""
        return _loudest(self.evidence)

    @property
    def vary(self) -> BoolArray:
        """Which patches are not one number throughout, as zeros that fill up a k-space are, shape ``(n,)``."""
        if isinstance(self.values, CutLater):
            return np.ones(len(self), bool)  # evidence: its maps hold each sample's place as well
        flat = self.values.reshape(len(self), -1)
        return np.asarray(flat.max(axis=1) > flat.min(axis=1))

    def part(self, numbers: NDArray[np.intp]) -> Patches:
        """Choose some patches by their numbers."""
        chosen = {name: getattr(self, name)[numbers] for name in ("anchors", "values", "positions")}
        return replace(self, **chosen)

    def __len__(self) -> int:
        return len(self.anchors)


def _loudest(evidence: Sequence[Evidence]) -> tuple[int, int, int]:
    # Not the header's centre: the models have learnt distances from the peak.
    loudest = int(np.argmax([each.level.max(initial=0) for each in evidence]))
    return (loudest, *evidence[loudest].centre)


def shape_for(kspace: KSpace, settings: SparkDetectionSettings) -> PatchShape:
    """Choose the shape of the patches from the data, where the settings leave it to them."""
    if settings.patch_shape != "auto":
        return settings.patch_shape
    n_lines = kspace.acquired_lines.sum(axis=1)
    if n_lines.max(initial=0) < FEWEST_LINES:
        return "segment"
    # Planes hold acquired lines only: where partitions lack different ones, unlike lines would lie on each other.
    is_volume = n_lines.size >= FEWEST_PARTITIONS and kspace.sampled.all()
    return "cuboid" if is_volume else "rectangle"


def together(planes: Iterable[Plane], shape: PatchShape) -> Iterator[list[Plane]]:
    """Group planes as they are judged: cuboids reach over all that have as many lines and samples, others over one."""
    if shape != "cuboid":
        yield from ([plane] for plane in planes)
        return
    groups: dict[tuple[int, ...], list[Plane]] = {}
    for plane in planes:
        # Undersampled partitions may differ in their number of lines: only what fits on each other makes cuboids.
        groups.setdefault(plane.data.shape, []).append(plane)
    yield from groups.values()


def divide_planes(
    planes: Sequence[Plane],
    patch: tuple[int, int, int],
    overlap: int,
    preprocessing: Preprocessing | None = None,
    evidence: Sequence[Evidence] | None = None,
) -> Patches:
    """Cut planes into patches of what the models look at.

    Parameters
    ----------
    planes
        All of one shape; several of them only for cuboids.
    patch
        Planes, lines and samples of one patch.
    overlap
        Samples that neighbouring patches share, along every axis that is long enough.
    preprocessing
        How magnitudes are normalised; None: the patches are cut from the evidence maps.
    evidence
        Of each plane; None: it is gathered.
    """
    if evidence is None:
        evidence = [gather_evidence(plane.data, plane.valid, without_obvious=True) for plane in planes]
    shape = (len(planes), *evidence[0].level.shape)
    # Of all planes together: a cuboid's distance from the centre counts the partitions, too.
    anchors, centre = divide(shape, patch, overlap), _loudest(evidence)
    # Models for rectangles and segments know no plane: neither among the positions nor as an axis of the values.
    is_flat = patch[0] == 1
    positions = (
        relative_positions(anchors[:, 1:], patch[1:], centre[1:], shape[1:])
        if is_flat
        else relative_positions(anchors, patch, centre, shape)
    )
    if preprocessing is None:
        # Of one plane without a copy, of several as (channel, plane, line, sample).
        values: NDArray[np.float32] | CutLater = (
            CutLater(evidence[0].maps, anchors[:, 1:], patch[1:])
            if is_flat
            else CutLater(np.stack([each.maps for each in evidence], axis=1), anchors, patch)
        )
    else:
        # Each plane's maps are in units of its own noise; one standard value needs one unit for all planes.
        magnitudes = np.stack([magnitudes_of(each.maps) * each.noise for each in evidence])
        judged = np.stack([each.judged for each in evidence])
        standard = standard_value(magnitudes, centre, judged, preprocessing.standard_value)
        cut_magnitudes = np.asarray(cut(magnitudes[None], anchors, patch), dtype=np.float64)
        preprocessed = preprocess(cut_magnitudes, positions, standard, preprocessing)
        values = preprocessed[:, :, 0] if is_flat else preprocessed
    return Patches(planes, evidence, anchors, patch, values, positions)
