"""Repetitions and averages: whether a newer k-space ends the older one, or they take turns.

Most sequences finish one average before they begin the next. Some acquire each train of lines once for every average
(short-term averaging); there the older k-space goes on after the newer has begun. A k-space that lacks readouts when a
newer one opens may be of this kind. It stays open until it is full or flagged, until another k-space opens after a
newer one was whole, or until as many wait as may (:func:`gadgets.kspace.assembly.layers.may_more_wait`).
"""

from __future__ import annotations

from collections.abc import Mapping

from gadgets.indices import Indices
from gadgets.kspace.assembly.layers import Key, may_more_wait

TOO_MANY = (
    "k-spaces with the same other counters waited for their turn until they were too many; from now on each ends where "
    "the next one begins"
)


class Succession:
    """Says which older k-spaces are over."""

    def __init__(self) -> None:
        self.left_behind: set[Key] = set()
        """Those that are over once any other k-space opens."""
        self._waiting: set[Key] = set()
        self._one_by_one: set[int] = set()

    def ended_by_opening(
        self, opened: Key, n_readouts: Mapping[Key, int], n_expected: int, n_averages: int = 1
    ) -> list[Key]:
        """Give the k-spaces that are over once another one opens.

        Parameters
        ----------
        opened
            The one whose first readout has come.
        n_readouts
            Readouts of each open k-space that it may end: its kin, and those that are left behind.
        n_expected
            Readouts of a whole k-space; 0 where none is known to be whole, or is to be waited for.
        n_averages
            Those that the header announces.
        """
        over = [key for key in n_readouts if key in self.left_behind]
        # A sequence that loops over repetitions or averages inside each line has but one readout in each older
        # k-space when the next one opens; such k-spaces stay open.
        older = [key for key in n_readouts if n_readouts[key] > 1 and is_older(key.indices, opened.indices)]
        # Only what lacks readouts has anything to wait for.
        may_go_on = [key for key in older if n_readouts[key] < n_expected and key not in over]
        n_held = sum(n_readouts[key] for key in may_go_on)
        if may_go_on and not may_more_wait(len(may_go_on), n_held, n_expected, n_averages):
            self.wait_no_more(opened)
            may_go_on = []
        self._waiting.update(may_go_on)
        return [key for key in n_readouts if key in over or (key in older and key not in may_go_on)]

    def ended_by_flag(self, own: Key, n_readouts: Mapping[Key, int]) -> list[Key]:
        """Give the k-spaces for which the last flag of one of them holds as well.

        Where k-spaces take turns and each has a last flag, the first flag comes while the others still go on. So those
        that have fewer readouts wait: for a flag of their own, or until another k-space opens.

        Parameters
        ----------
        own
            The one whose readout has the flag.
        n_readouts
            Readouts of it and of all others that the flag may mean.
        """
        number = own.indices.encoding
        smaller = {key for key in n_readouts if key.indices.encoding == number and n_readouts[key] < n_readouts[own]}
        self.left_behind |= smaller
        return [key for key in n_readouts if key not in smaller]

    def note_whole(self, ended: Key) -> None:
        """Note that a k-space was whole: those that waited for their turn before it were waited for in vain."""
        self.left_behind |= {key for key in self._waiting if is_older(key.indices, ended.indices)}

    def may_wait(self, key: Key) -> bool:
        """Tell whether k-spaces of this encoding are still waited for."""
        return key.indices.encoding not in self._one_by_one

    def wait_no_more(self, key: Key) -> None:
        """Note that k-spaces of this encoding were waited for in vain, and need not be again."""
        self._one_by_one.add(key.indices.encoding)

    def forget(self, key: Key) -> None:
        """Note that a k-space has ended."""
        self._waiting.discard(key)
        self.left_behind.discard(key)


def is_older(indices: Indices, newer: Indices) -> bool:
    """Tell whether the same k-space has gone on to a newer repetition or average."""
    if (indices.repetition, indices.average) >= (newer.repetition, newer.average):
        return False
    moved = {"repetition": newer.repetition, "average": newer.average}
    return indices.model_copy(update=moved) == newer
