"""The memory of a scan: the middle of the k-spaces that were last accepted at each place.

A place is an encoding, slice and set, with all its partitions and lines. It is acquired again as another repetition,
average, contrast or phase. Kept is what was accepted: the repaired copy, whatever is done with the points later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gadgets.arrays import ComplexArray
from gadgets.indices import Indices
from gadgets.kspace import KSpace
from gadgets.series.central import Central, Window, central, window_of
from gadgets.series.witness import Witness

N_EARLIER = 2
"""K-spaces that one is predicted from, and that are kept of each contrast and phase. With three the error inside 0.1 of
the radius was no smaller, and 1762 in place of 1788 of 1899 sparks were found there."""

Place = tuple[int, int, int]
Kind = tuple[int, int]


@dataclass(eq=False)
class _Kept:
    """What is kept of one place: its middle, and the k-spaces with their contrast and phase, the newest last."""

    window: Window
    shape: tuple[int, ...]
    accepted: deque[tuple[Kind, Central]] = field(default_factory=deque)


class SeriesMemory:
    """Remembers one scan.

    When it is full, places that it knows keep their room, their oldest k-space making way for the newest; of further
    places nothing is kept. So some slices are judged by their series to the end of the scan, and not all for a while.

    Parameters
    ----------
    limit
        Bytes that it may take.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._n_bytes = 0
        self._places: dict[Place, _Kept] = {}

    @property
    def n_bytes(self) -> int:
        """What is kept by now."""
        return self._n_bytes

    def witness(self, kspace: KSpace) -> Witness | None:
        """Give what earlier k-spaces say of this one; None where there are none to compare it with."""
        kept = self._places.get(_place_of(kspace.indices))
        # In another matrix, or where lines but number the readouts, the same indices are not the same place of k-space.
        if kept is None or kept.shape != kspace.data.shape or not kspace.is_gridded:
            return None
        kind = _kind_of(kspace.indices)
        newest = list(reversed(kept.accepted))
        # The same contrast and phase says most; another one is better than none.
        likeliest = sorted(newest, key=lambda each: each[0] != kind)
        earlier = [middle for _, middle in likeliest[:N_EARLIER]]
        n_alike = sum(each == kind for each, _ in likeliest[:N_EARLIER])
        return Witness(central(kspace, kept.window), kept.window, earlier, kspace, n_alike)

    def accept(
        self,
        kspace: KSpace,
        repaired: ComplexArray | None = None,
        doubtful: Iterable[tuple[int, int, int]] = (),
        changes: Mapping[int, float] | None = None,
    ) -> None:
        """Remember a k-space, sparks repaired.

        Parameters
        ----------
        kspace
            As acquired.
        repaired
            Its samples as repaired; None where nothing was.
        doubtful
            Partition, line and sample of what may still be wrong: it is no reference for what comes.
        changes
            How much has changed since the earlier ones, see :attr:`Witness.usual_changes`; None where there were none.
        """
        if not kspace.is_gridded:
            return
        place = _place_of(kspace.indices)
        kept = self._places.get(place)
        if kept is None or kept.shape != kspace.data.shape:
            self._forget(place)
            kept = _Kept(window_of(kspace), kspace.data.shape)
        middle = central(kspace, kept.window)
        if repaired is not None:
            # What was recorded is kept as well: a change of the object that was taken for a spark comes again, and only
            # the record shows that it is the same.
            middle = replace(central(replace(kspace, data=repaired), kept.window), recorded=middle.data)
        _leave_out(middle, doubtful, kspace, kept.window)
        kept.accepted.append((_kind_of(kspace.indices), replace(middle, changes=changes or {})))
        self._n_bytes += middle.n_bytes
        self._drop_oldest(kept, _kind_of(kspace.indices))
        # A place of which nothing is left is not known: with a repaired k-space comes its record, and it takes twice
        # the room of the one before.
        self._places.pop(place, None)
        if kept.accepted:
            self._places[place] = kept

    def _drop_oldest(self, kept: _Kept, kind: Kind) -> None:
        """Drop what is too much at a place, or for the memory."""
        # Each contrast and phase has its own: where echoes or phases take turns, others would push out those that are
        # alike.
        same = [each for each in kept.accepted if each[0] == kind]
        if len(same) > N_EARLIER:
            kept.accepted.remove(same[0])
            self._n_bytes -= same[0][1].n_bytes
        while kept.accepted and self._n_bytes > self._limit:
            self._n_bytes -= kept.accepted.popleft()[1].n_bytes

    def _forget(self, place: Place) -> None:
        kept = self._places.pop(place, None)
        self._n_bytes -= sum(each.n_bytes for _, each in kept.accepted) if kept else 0


def _leave_out(middle: Central, places: Iterable[tuple[int, int, int]], kspace: KSpace, window: Window) -> None:
    """Mark samples of the middle of a k-space as no reference, by partition, line and sample as acquired."""
    for partition, line, sample in places:
        # The middle holds reversed readouts mirrored, points are counted as acquired.
        across = kspace.data.shape[-1] - 1 - sample if kspace.reversed_lines[partition, line] else sample
        inside = [at - part.start for at, part in zip((partition, line, across), window, strict=True)]
        if all(0 <= at < n for at, n in zip(inside, middle.valid.shape, strict=True)):
            middle.valid[tuple(inside)] = False


def _place_of(indices: Indices) -> Place:
    return indices.encoding, indices.slice, indices.set


def _kind_of(indices: Indices) -> Kind:
    return indices.contrast, indices.phase
