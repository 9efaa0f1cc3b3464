"""The image of a k-space before and after its repair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.image.reconstruction import reconstruct
from gadgets.kspace import Encoding, KSpace, without_non_finite


def before_and_after(
    kspace: KSpace, repaired: ComplexArray | None, encoding: Encoding
) -> tuple[FloatArray, FloatArray, int]:
    """Make both images of the slice in which they differ most; of a volume without a difference, of its middle.

    Parameters
    ----------
    kspace
        As acquired, with a place for each sample.
    repaired
        Its samples after the repair; None where none was changed.
    encoding
        Its matrices.

    Returns
    -------
        Magnitude before and after, each of shape ``(y, x)``, and which slice of the volume it is.
    """
    acquired, _ = without_non_finite(kspace)
    before = reconstruct(acquired, encoding)
    after = before if repaired is None else reconstruct(replace(acquired, data=_finite(repaired)), encoding)
    harm = np.square(before - after).sum(axis=(1, 2))
    depth = int(np.argmax(harm)) if harm.any() else len(before) // 2
    return before[depth], after[depth], depth


def _finite(samples: ComplexArray) -> ComplexArray:
    # As was done to the acquired ones: a Fourier transform makes of one NaN an image of nothing else.
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
