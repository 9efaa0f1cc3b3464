"""Quiet places: far from the centre there is nothing but noise, and zero is what belongs there.

Where the samples around a burst are no louder than the receivers' noise, the image's background and the neighbours can
say no more than that. So nothing is transformed, searched or rehearsed for such a burst: what is around it is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from itertools import compress

import numpy as np

from gadgets.arrays import FloatArray
from gadgets.background import noise_of
from gadgets.kspace import KSpace, mirrored
from gadgets.process import check_time
from gadgets.repair.bursts import Burst
from gadgets.repair.candidates import Candidate
from gadgets.repair.ground import NEARBY, Together, errors_around

LOUDEST = 1.5
"""Times the noise that a quiet place may have: more holds as much signal as noise, which is worth predicting."""


def in_quiet_places(
    kspace: KSpace,
    bursts: Sequence[Burst],
    others: Sequence[Burst] = (),
    noise: MutableMapping[int, FloatArray] | None = None,
    levels: MutableMapping[int, FloatArray] | None = None,
) -> dict[Burst, Candidate]:
    """Give zero, with the noise as its error, for the bursts that lie neither among signal nor among too few samples.

    Parameters
    ----------
    kspace
        As acquired.
    bursts, others
        All that is flagged, none of which tells what the noise around another one is; of the others nothing is asked.
    noise
        Of the receivers, by partition, as far as it is known; what is measured here is added. None: nothing is known.
    levels
        How loud it is around the bursts, where they are withheld in all receivers: what is measured here is added, by
        partition, as a row. None: nobody asks.
    """
    known, measured = {} if noise is None else noise, {} if levels is None else levels
    candidates: dict[Burst, Candidate] = {}
    for partition in sorted({burst.partition for burst in bursts}):
        check_time()
        if partition not in known:
            known[partition] = noise_of(kspace, partition)
        row = Together([burst for burst in bursts if burst.partition == partition])
        flagged = [*row.bursts, *(burst for burst in others if burst.partition == partition)]
        measured[partition] = _levels(kspace, partition, row, flagged)
        candidates.update(_below(measured[partition], row, known[partition]))
    return candidates


def _levels(kspace: KSpace, partition: int, row: Together, flagged: Sequence[Burst]) -> FloatArray:
    """Root mean square of the samples around the bursts of a partition, as a row; infinite where these are too few."""
    turned = kspace.reversed_lines[partition]
    data = np.asarray(mirrored(kspace.data[:, partition], turned))
    clean = mirrored(kspace.sampled[partition], turned).astype(bool)
    # In all receivers: what one of them was hit by may have reached the others, too weakly to be seen.
    for burst in flagged:
        clean[burst.line, burst.start : burst.stop] = False
    return errors_around(data, np.broadcast_to(clean, data.shape), row, NEARBY)


def _below(level: FloatArray, row: Together, noise: FloatArray) -> Iterator[tuple[Burst, Candidate]]:
    """Give the bursts of a row that lie among noise alone, each with its candidate."""
    # Written such that an unknown level, which is infinite or not a number, is not quiet.
    for burst in compress(row.bursts, ~row.any(~(level <= LOUDEST * noise[row.coils]))):
        # Zero is as wrong as the noise around it is loud.
        error = row.part(level, burst)
        yield burst, Candidate("zero", np.zeros(error.shape, np.complex64), error)
