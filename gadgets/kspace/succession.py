"""Repetitions and averages: whether a newer k-space ends the older one, or they take turns.

Most sequences finish one average before they begin the next. Some acquire each train of lines once for every average
(short-term averaging); there the older k-space goes on after the newer has begun. A k-space that holds at most half of
what is expected when a newer one opens may be of this kind, and stays open until it is full, flagged, left behind by
one with more than twice its readouts, or until ``MAX_TURNS`` k-spaces wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.indices import Indices

# Each holds at most half of its readouts, so that no more than four k-spaces lie in memory for this.
MAX_TURNS = 8


class Succession:
    """Says which older k-spaces are over."""

    def __init__(self) -> None:
        self._waiting: set[Indices] = set()
        self._one_by_one: set[int] = set()

    def ended_by_opening(self, opened: Indices, n_readouts: Mapping[Indices, int], n_expected: int) -> list[Indices]:
        """Give the k-spaces that are over once another one opens.

        Parameters
        ----------
        opened
            The one whose first readout has come.
        n_readouts
            Readouts of each open k-space.
        n_expected
            Readouts of a whole k-space; 0 where none is known to be whole.
        """
        # A sequence that loops over repetitions or averages inside each line has but one readout in each older
        # k-space when the next one opens; such k-spaces stay open.
        older = [indices for indices in n_readouts if is_older(indices, opened) and n_readouts[indices] > 1]
        if opened.encoding in self._one_by_one:
            return older
        may_go_on = [indices for indices in older if 2 * n_readouts[indices] <= n_expected]
        if len(may_go_on) >= MAX_TURNS:
            # None of them has grown for as long; they need not be waited for again.
            self._one_by_one.add(opened.encoding)
            return older
        self._waiting.update(may_go_on)
        return [indices for indices in older if indices not in may_go_on]

    def ended_by_growth(self, grown: Indices, n_readouts: Mapping[Indices, int]) -> list[Indices]:
        """Give the k-spaces that waited for their turn and have been left behind."""
        behind = [
            indices
            for indices in self._waiting
            if is_older(indices, grown) and n_readouts[grown] > 2 * n_readouts[indices]
        ]
        if behind:
            self._one_by_one.add(grown.encoding)
        return behind

    @property
    def is_waiting(self) -> bool:
        """Whether any k-space waits for its turn."""
        return bool(self._waiting)

    def forget(self, indices: Indices) -> None:
        """Note that a k-space has ended."""
        self._waiting.discard(indices)


def is_older(indices: Indices, newer: Indices) -> bool:
    """Tell whether the same k-space has gone on to a newer repetition or average."""
    if (indices.repetition, indices.average) >= (newer.repetition, newer.average):
        return False
    moved = {"repetition": newer.repetition, "average": newer.average}
    return indices.model_copy(update=moved) == newer
