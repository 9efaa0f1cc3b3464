"""Puts repaired samples back into the acquisitions they came in."""

from __future__ import annotations

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.drop_in.turns import Held, held_of
from gadgets.kspace import AcquiredKSpace, place_readouts
from gadgets.wire import Acquisition


def write_back(acquired: AcquiredKSpace, data: ComplexArray, mark: int | None = None) -> None:
    """Put changed samples into the acquisitions they came in, and their number into a field of the header, if asked."""
    _, _, starts = place_readouts(acquired.readouts)
    by_place = {
        (readout.partition, readout.line): (readout, start)
        for readout, start in zip(acquired.readouts, starts, strict=True)
    }
    # Only acquisitions with a changed sample are made anew; all others go out byte for byte.
    changed = (data != acquired.kspace.data).any(axis=0)
    written: list[tuple[Held, Acquisition]] = []
    for partition, line in np.argwhere(changed.any(axis=-1)):
        readout, start = by_place[int(partition), int(line)]
        held = held_of(readout.source)
        if isinstance(held.item, Acquisition):
            where = np.flatnonzero(changed[partition, line])
            # The item's own samples are a read-only view of the bytes that came.
            samples = held.item.data.copy()
            # From columns of the k-space to samples of the readout, which may begin later than others.
            samples[:, where - start] = data[:, partition, line, where]
            item = held.item.with_data(samples)
            written.append((held, item if mark is None else item.with_user_int(mark, len(where))))
    # All or none: half a repair would contradict what is said of it.
    for held, item in written:
        held.item = item
