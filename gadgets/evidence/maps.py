"""Evidence for sparks: maps in which a sample that does not belong to its surroundings stands out.

One plane at a time, all receivers together. A *plane* is one partition with its acquired readouts stacked in
the order of their phase-encoding lines, shape ``(coil, line, sample)``; lines that were not acquired leave no gap.
The maps are the same for any global phase, and for any global scale within single precision. Their cost grows more
slowly than the number of receivers, because the sources of the prediction are compressed to a few virtual ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.evidence.kernel import Kernel
from gadgets.evidence.levels import loudest_place, radii
from gadgets.evidence.neighbours import fit
from gadgets.evidence.seen import Seen, look_at
from gadgets.evidence.strengths import SMALLEST, innovation_maps, write, write_residual
from gadgets.evidence.whitening import Whitening, whiten
from gadgets.local_statistics import local_maximum
from gadgets.process import meanwhile

CHANNELS = (
    "innovation",
    "innovation_local",
    "innovation_whitened",
    "innovation_single",
    "residual",
    "residual_whitened",
    "raw_whitened",
    "magnitude",
    "level",
    "mirror",
    "radius",
    "receivers",
)
"""Names of the maps, in the order of the first axis of :attr:`Evidence.maps`."""

N_STRIKING = CHANNELS.index("level")
"""The first maps tell how much a sample stands out, the others where it is and among what."""

OF_INNOVATION, OF_RESIDUAL, OF_RAW, OF_MAGNITUDE = slice(0, 4), slice(4, 6), slice(6, 7), slice(7, N_STRIKING)
"""Where the maps of each kind stand among these."""

RADIUS_SCALE = 2.0  # times the radius in its map: models were trained with it

LARGEST = 10.0
"""Maps are cut off here: what stands out e^10 times stands out."""

SMALL = 1 << 22
"""Bytes of a plane up to which two kinds of maps are made side by side: larger ones are shared out in pieces, and
would need more memory at once."""

EVIDENCE_SET = "evidence-1"
"""Goes into the manifest of every model: a model reads only the maps that it was trained on."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What the residual's maps were made with.

    Attributes
    ----------
    kernel
        How samples follow from their neighbours; None where nothing is predicted.
    error
        Root mean square of the residual over the receivers, shape ``(line, sample)``.
    residual, raw
        What is usual for residuals and for samples as recorded.
    scale
        Of the units.
    """

    kernel: Kernel | None
    error: FloatArray
    residual: Whitening
    raw: Whitening
    scale: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """The maps of one plane.

    Attributes
    ----------
    maps
        Shape ``(channel, line, sample)``, float32, see :data:`CHANNELS`; about zero for an ordinary sample.
    level
        Local magnitude over all receivers (root mean square), shape ``(line, sample)``.
    noise
        The plane's noise level in the same units.
    judged
        Samples that can be judged at all: acquired, finite and among others, shape ``(line, sample)``.
    centre
        The place with the loudest surroundings: line and sample.
    obvious
        Samples that all others were looked at without, shape ``(line, sample)``.
    contrast
        How much darker the image's background is than its object, without the obvious samples.
    learnt
        What was found to be usual here; for another look at the same plane (see :mod:`.another_look`).
    """

    maps: NDArray[np.float32]
    level: FloatArray
    noise: float
    judged: BoolArray
    centre: tuple[int, int]
    obvious: BoolArray
    contrast: float
    learnt: Learnt

    @property
    def radius(self) -> FloatArray:
        """Distance of each sample from the centre, 1 at the further border of each axis, shape ``(line, sample)``."""
        return np.asarray(self.maps[CHANNELS.index("radius")] / RADIUS_SCALE)


def gather_evidence(plane: ComplexArray, valid: BoolArray | None = None, *, without_obvious: bool = False) -> Evidence:
    """Make the evidence maps of one plane.

    Parameters
    ----------
    plane
        Shape ``(coil, line, sample)``.
    valid
        Samples that were acquired and are finite, shape ``(line, sample)``; the rest is zero in `plane`.
    without_obvious
        Look at all other samples as if the obvious ones (see :mod:`.obvious`) had recorded nothing.
    """
    seen = look_at(plane, valid, without_obvious=without_obvious)
    call = partial(innovation_maps, seen)
    innovation = meanwhile(call) if plane.nbytes <= SMALL else call
    fitted = fit(seen.data, seen.level, seen.noise, seen.obvious)
    predicted, kernel = fitted.predict(), fitted.kernel
    # Not before: they take over the memory of what samples were predicted from.
    del fitted
    maps = np.empty((len(CHANNELS), *seen.level.shape), dtype=np.float32)
    error, residual = write_residual(maps[OF_RESIDUAL], seen, predicted)
    del predicted  # before the next array of the plane's size is made
    energy, raw = whiten(seen.data, seen.level)
    write(maps[OF_RAW], [energy])
    maps[OF_INNOVATION], contrast = innovation()
    return completed(seen, maps, contrast, Learnt(kernel, error, residual, raw, seen.scale))


def completed(seen: Seen, maps: NDArray[np.float32], contrast: float, learnt: Learnt) -> Evidence:
    """Write the maps that follow from magnitudes alone, and give all."""
    level, centre = seen.level, loudest_place(seen.level)
    write(maps[OF_MAGNITUDE], [seen.magnitude / level])
    maps[N_STRIKING:] = (
        # Half of it, and of the receivers below, for the same reason as RADIUS_SCALE.
        0.5 * np.log(level / seen.noise),
        _mirror_ratio(seen.magnitude, seen.others, level, centre),  # of `others`: no spark is to excuse another
        RADIUS_SCALE * radii(level.shape, centre),
        np.full(level.shape, 0.5 * np.log2(len(seen.data))),
    )
    # What is not judged must not stand out: it looks as quiet as a map can say.
    maps[:N_STRIKING, ~seen.judged] = np.log(SMALLEST)
    np.clip(maps, -LARGEST, LARGEST, out=maps)
    scale = seen.scale
    return Evidence(maps, level / scale, seen.noise / scale, seen.judged, centre, seen.obvious, contrast, learnt)


def _mirror_ratio(magnitude: FloatArray, others: FloatArray, level: FloatArray, centre: tuple[int, int]) -> FloatArray:
    """Log ratio to the loudest of the nine samples of `others` around the mirrored place; 0 where there is none.

    Sharp edges make star lines on both sides of the centre; a spark has no partner.
    """
    loudest = local_maximum(others)  # an image's phase shares a partner out among its neighbours
    line = 2 * centre[0] - np.arange(magnitude.shape[0])
    sample = 2 * centre[1] - np.arange(magnitude.shape[1])
    there = ((line >= 0) & (line < magnitude.shape[0]))[:, None] & ((sample >= 0) & (sample < magnitude.shape[1]))
    partner = loudest[np.clip(line, 0, magnitude.shape[0] - 1)][:, np.clip(sample, 0, magnitude.shape[1] - 1)]
    floor = 0.3 * level  # two quiet samples are to look alike
    return np.where(there, np.log((magnitude + floor) / (partner + floor)), 0.0)
