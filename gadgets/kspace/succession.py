"""Repetitions and averages: whether a newer k-space ends the older one, or they take turns.

Most sequences finish one average before they begin the next. Some acquire each train of lines once for every average
(short-term averaging); there the older k-space goes on after the newer has begun. A k-space that holds at most half of
what is expected when a newer one opens may be of this kind, and stays open until it is full, flagged, left behind by
one with more than twice its readouts, or until as many wait as may (:func:`gadgets.kspace.layers.may_more_wait`).
"""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.indices import Indices
from gadgets.kspace.layers import Key, may_more_wait

TOO_MANY = (
    "k-spaces with the same other counters waited for their turn until they were too many; from now on each ends where "
    "the next one begins"
)


class Succession:
    """Says which older k-spaces are over."""

    def __init__(self) -> None:
        self._waiting: set[Key] = set()
        self._one_by_one: set[int] = set()

    def ended_by_opening(self, opened: Key, n_readouts: Mapping[Key, int], n_expected: int) -> list[Key]:
        """Give the k-spaces that are over once another one opens.

        Parameters
        ----------
        opened
            The one whose first readout has come.
        n_readouts
            Readouts of each open k-space.
        n_expected
            Readouts of a whole k-space; 0 where none is known to be whole, or is to be waited for.
        """
        # A sequence that loops over repetitions or averages inside each line has but one readout in each older
        # k-space when the next one opens; such k-spaces stay open.
        older = [key for key in n_readouts if is_older(key.indices, opened.indices) and n_readouts[key] > 1]
        may_go_on = [key for key in older if 2 * n_readouts[key] <= n_expected]
        n_held = sum(n_readouts[key] for key in may_go_on)
        if may_go_on and not may_more_wait(len(may_go_on), n_held, n_expected):
            self.wait_no_more(opened)
            return older
        self._waiting.update(may_go_on)
        return [key for key in older if key not in may_go_on]

    def ended_by_growth(self, grown: Key, n_readouts: Mapping[Key, int]) -> list[Key]:
        """Give the k-spaces that waited for their turn and have been left behind."""
        behind = [
            key
            for key in self._waiting
            if is_older(key.indices, grown.indices) and n_readouts[grown] > 2 * n_readouts[key]
        ]
        if behind:
            self.wait_no_more(grown)
        return behind

    @property
    def is_waiting(self) -> bool:
        """Whether any k-space waits for its turn."""
        return bool(self._waiting)

    def may_wait(self, key: Key) -> bool:
        """Tell whether k-spaces of this encoding are still waited for."""
        return key.indices.encoding not in self._one_by_one

    def wait_no_more(self, key: Key) -> None:
        """Note that k-spaces of this encoding were waited for in vain, and need not be again."""
        self._one_by_one.add(key.indices.encoding)

    def forget(self, key: Key) -> None:
        """Note that a k-space has ended."""
        self._waiting.discard(key)


def is_older(indices: Indices, newer: Indices) -> bool:
    """Tell whether the same k-space has gone on to a newer repetition or average."""
    if (indices.repetition, indices.average) >= (newer.repetition, newer.average):
        return False
    moved = {"repetition": newer.repetition, "average": newer.average}
    return indices.model_copy(update=moved) == newer
