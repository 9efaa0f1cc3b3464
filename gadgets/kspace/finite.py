"""NaN and Inf samples: they are passed on, but nothing is computed from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace.kspace import KSpace


def is_all_finite(data: ComplexArray) -> bool:
    """Tell whether all samples are finite numbers; where they are, in a single pass that makes no array."""
    samples = data.reshape(-1)
    # A sum over all of them is not finite if any is not; it may also be beyond what single precision holds.
    return bool(np.isfinite(np.vdot(samples, samples))) or bool(np.isfinite(data).all())


def without_non_finite(kspace: KSpace) -> tuple[KSpace, int]:
    """Take samples that are NaN or infinite for not sampled.

    Parameters
    ----------
    kspace
        As acquired; it is not changed.

    Returns
    -------
        The k-space itself where all samples are finite, else a copy in which a place where any receiver's sample
        is not finite is zero and not sampled; and the number of such samples, each receiver's counted.
    """
    if is_all_finite(kspace.data):
        return kspace, 0
    is_finite = np.isfinite(kspace.data)
    usable = is_finite.all(axis=0)
    data = np.where(usable, kspace.data, np.complex64(0))
    return replace(kspace, data=data, sampled=kspace.sampled & usable), int(np.count_nonzero(~is_finite))


def count_non_finite(kspace: KSpace) -> int:
    """Count the samples that are NaN or infinite, each receiver's by itself.

    Detection and repair take the k-space with them: as zeros they would be holes that look like sparks.
    """
    return 0 if is_all_finite(kspace.data) else int(np.count_nonzero(~np.isfinite(kspace.data)))


def warning_of(n_non_finite: int) -> str:
    """Say how many samples were passed on unjudged; empty where there were none."""
    return f"{n_non_finite} NaN or Inf samples were passed on unjudged" if n_non_finite else ""
