"""Repair of an image that has lost its phase: what its k-space tells of sparks, and what it does not.

The k-space of a real image is the same on both sides of its centre, so a spark stands there twice. Over noise alone a
magnitude turns stripes into a glow, and beats of two sparks into stripes that are nowhere else. What is taken away has
therefore to be in the image, place by place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter

from gadgets.arrays import FloatArray
from gadgets.kspace import KSpace
from gadgets.records import Point

NO_PHASE = (
    "a magnitude image has lost its phase: most sparks, and all near the centre of k-space, cannot be told from it; "
    "none found does not mean that there were none"
)
NO_PHASE_IN_SHORT = "most cannot be told from magnitude images, which have lost their phase"
INNER = 0.1
"""Radius within which the anatomy itself stands in single samples."""

WINDOW = 31
"""Pixels over which stripes are compared with the image: more than three of the widest that are taken away."""


def in_pairs(points: Sequence[Point], kspace: KSpace) -> tuple[Point, ...]:
    """Keep the points beyond the inner ring whose partners on the other side of the centre are points, too."""
    places = {point.place: point for point in points}
    lengths = kspace.sampled.shape
    kept = []
    for place, point in places.items():
        offset = [p - c for p, c in zip(place, kspace.centre, strict=True)]
        # Modulo: on an even matrix the first line has its partner in itself.
        partner = tuple((c - o) % n for o, c, n in zip(offset, kspace.centre, lengths, strict=True))
        radius = np.hypot.reduce([o / max(n / 2, 1) for o, n in zip(offset, lengths, strict=True)])
        # A sample that is its own partner has no second one that could confirm it.
        if radius > INNER and partner != place and partner in places:
            kept.append(point)
    return tuple(kept)


def where_it_is(change: FloatArray, image: FloatArray) -> FloatArray:
    """Weigh a change, place by place, by how much of it there is in the image.

    Parameters
    ----------
    change, image
        Shape ``(channel, z, y, x)``; what is to be taken away has the other sign in the change.

    Returns
    -------
        The change times a weight from 0, where the image shows no such stripes, to 1; shape kept.
    """
    window = (1, 1, *(min(WINDOW, n) for n in image.shape[2:]))
    # Without what varies slowly, which is the anatomy: it would outweigh the stripes.
    detail = image - uniform_filter(image, window)
    # With the sign turned: a change takes away what is there, so both are opposite where it is right.
    alike = -uniform_filter(change * detail, window)
    energy = uniform_filter(change * change, window)
    return np.asarray(change * np.clip(alike / np.maximum(energy, np.finfo(np.float32).tiny), 0, 1))
