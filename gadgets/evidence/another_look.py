"""Another look at a plane in which a few samples were mended, with what the first look has learnt.

What the image's background says changes everywhere, and is told anew. What neighbours and other samples of the same
level say changes only around what was mended: all else keeps the maps that it has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from gadgets.arrays import BoolArray, ComplexArray, FloatArray, IntArray
from gadgets.evidence.kernel import NEIGHBOURS, Sources
from gadgets.evidence.levels import root_mean_square
from gadgets.evidence.maps import OF_INNOVATION, OF_RAW, OF_RESIDUAL, Evidence, Learnt, completed, gather_evidence
from gadgets.evidence.neighbours import trust_in
from gadgets.evidence.seen import Seen, look_at
from gadgets.evidence.strengths import SMALLEST, error_level_of, innovation_maps

REACH = tuple(max(offset[axis] for offset in NEIGHBOURS) for axis in (0, 1))
"""Lines and samples over which a sample has a share in the predictions of others."""


def look_again(earlier: Evidence, plane: ComplexArray, valid: BoolArray | None, mended: IntArray) -> Evidence:
    """Make the evidence maps of a plane once more.

    Parameters
    ----------
    earlier
        What was seen at the look before; its maps are overwritten.
    plane, valid
        As in :func:`gadgets.evidence.gather_evidence`, without the obvious samples. The plane may be overwritten.
    mended
        Line and sample of those that have changed since, shape ``(n, 2)``.
    """
    seen = look_at(plane, valid, without_obvious=True)
    if seen.scale != earlier.learnt.scale:
        # What was learnt is in other units; only data beyond the range of single precision come here.
        return gather_evidence(plane, valid, without_obvious=True)
    maps = earlier.maps
    changed = earlier.obvious | seen.obvious  # what is taken out is not there, and what no longer is has come back
    changed[tuple(mended.T)] = True
    learnt = earlier.learnt
    _write_residual(maps, learnt, seen, changed)
    places = np.flatnonzero(changed)
    # Places count the samples of a plane line by line, as the flattened arrays do: ``(coil, place)``.
    samples = seen.data.reshape(len(plane), -1)[:, places]
    (whitened,) = maps[OF_RAW]
    whitened.reshape(-1)[places] = _in_map(learnt.raw.at(places, samples, seen.level.ravel()[places]))
    maps[OF_INNOVATION], contrast = innovation_maps(seen, overwrite=True)  # last: nothing of the plane may be left
    return completed(seen, maps, contrast, learnt)


def _write_residual(maps: NDArray[np.float32], learnt: Learnt, seen: Seen, changed: BoolArray) -> None:
    """Write what the samples around those that have changed are minus their predictions by their neighbours."""
    # All that has a changed sample among its neighbours, and these themselves.
    places = np.flatnonzero(binary_dilation(changed, np.ones([2 * reach + 1 for reach in REACH], bool)))
    residual = seen.data.reshape(len(seen.data), -1)[:, places]
    if learnt.kernel is not None:
        predicted = learnt.kernel.at(places, Sources(seen.data, learnt.kernel.virtual, seen.obvious))
        residual -= predicted * trust_in(seen.level.ravel()[places], seen.noise)
    error = learnt.error
    error.reshape(-1)[places] = root_mean_square(residual)
    level = error_level_of(error, seen.noise)
    errors, whitened = maps[OF_RESIDUAL]
    errors[...] = _in_map(error / level)
    whitened.reshape(-1)[places] = _in_map(learnt.residual.at(places, residual, level.ravel()[places]))


def _in_map(ratios: FloatArray) -> FloatArray:
    return np.asarray(np.log(ratios + SMALLEST))
