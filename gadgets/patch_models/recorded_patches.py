"""Recorded patches: what the receivers recorded in patches of one plane, and what calibration models make of it.

Such models look at evidence, and at each receiver beside it: as recorded, and as far as that is from what the image's
background and the neighbours predict (:mod:`.sample_predictions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, IntArray
from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patch_models.sample_predictions import fields_of, from_levels
from gadgets.patches import Patches, cut

RECEIVERS = ("recorded", "background", "neighbours")
"""Inputs of the models that are made of what each receiver recorded."""

WITHHELD_FROM = 0.1
"""Probability above which a sample serves to predict no other: from there on the models change it in full, see
``GATE_TO`` of their networks."""

AT_ONCE = 1024
"""Patches of single receivers that are handed to a model at once: those of many receivers take much memory."""


class Recorded:
    """What the receivers recorded in some patches of one plane, and what becomes of it.

    Parameters
    ----------
    numbers, points
        Of the patches, and the probability of each of their samples, shape ``(n, line, sample)``.
    """

    def __init__(self, patches: Patches, numbers: NDArray[np.intp], points: NDArray[np.float32]) -> None:
        # One plane: cuboids have no calibration models.
        (self._plane,), (self._evidence,) = patches.planes, patches.evidence
        self._anchors, self._shape = patches.anchors[numbers, 1:], patches.shape[1:]
        self._points = points
        self._calibrated: ComplexArray = np.array(cut(self._plane.data, self._anchors, self._shape), np.complex64)

    @property
    def opinions(self) -> Opinions:
        """What was found out."""
        return Opinions(self._points[:, None], self._calibrated[:, :, None])

    def rows(self, n_tokens: int) -> Iterator[IntArray]:
        """Give the rows of patches in which something was found, some at a time; a row goes in with `n_tokens`."""
        found = np.flatnonzero((self._points > WITHHELD_FROM).any(axis=(1, 2)))
        return blocks(found, n_tokens * len(self._plane.data))

    def seen(self, rows: IntArray) -> dict[str, NDArray[np.float32]]:
        """Cut what a model sees of the receivers, shapes ``(n, coil, 2, line, sample)``."""
        fields = cut(self._fields, self._anchors[rows], self._shape).astype(np.float32)
        return {name: fields[:, :, number] for number, name in enumerate(RECEIVERS)}

    def note(self, rows: IntArray, seen: Mapping[str, NDArray[np.float32]], result: NDArray[np.float32]) -> None:
        """Take over calibrated patches; what a model gives as it was recorded stays bit-identical."""
        level = np.asarray(cut(self._evidence.level, self._anchors[rows], self._shape))[:, None]
        # The difference is added, not the result: where a model changes nothing, nothing is rounded on the way.
        change = from_levels(result - seen["recorded"], level)
        self._calibrated[rows] += np.where(np.isfinite(change), change, 0)

    @cached_property
    def _fields(self) -> NDArray[np.float32]:
        withheld: BoolArray = np.zeros(self._evidence.level.shape, dtype=bool)
        for (line, sample), points in zip(self._anchors, self._points, strict=True):
            window = withheld[line : line + self._shape[0], sample : sample + self._shape[1]]
            # Of a patch that reaches beyond the plane only what lies inside counts.
            window |= points[: window.shape[0], : window.shape[1]] > WITHHELD_FROM
        return fields_of(self._plane.data, withheld, self._evidence.level, self._evidence.noise)


def unseen(rows: tuple[int, ...], patch: tuple[int, int, int]) -> dict[str, NDArray[np.float32]]:
    """Stand for the receivers while a model only judges: one that recorded nothing."""
    # Models take any number of receivers: one of zeros is the cheapest.
    nothing = np.zeros((*rows, 1, 2, *patch[1:]), dtype=np.float32)
    return dict.fromkeys(RECEIVERS, nothing)


def blocks(numbers: IntArray, size: int) -> Iterator[IntArray]:
    """Divide numbers into blocks, each of them for `size` patches of single receivers."""
    step = max(AT_ONCE // size, 1)
    return (numbers[start : start + step] for start in range(0, len(numbers), step))
