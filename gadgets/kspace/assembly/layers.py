"""Readouts with the same counters: one k-space, or several that no counter tells apart.

Echoes or averages whose counter was never set bring each line, or each train of lines, several times. The k-th
readout of a place then belongs to the k-th k-space, a layer of what came with these counters. There are as many layers
as at least half of the places have readouts; a place with more of them (dummy readouts before the scan, a line that was
acquired again) keeps the last ones, and the others belong to no k-space.

Whether a line that comes again goes on with the layers or begins the next k-space is seen from what is there: where a
place came less often than the others, it goes on; where expected places have not come yet, too, until the layers are as
many as may wait (``may_more_wait``); else the readout behind it decides, for a single line may have been acquired
again.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from gadgets.indices import Indices
from gadgets.kspace.assembly.claims import are_doubtful
from gadgets.kspace.placement import part_foreign
from gadgets.kspace.readout import (
    ACQ_FIRST_IN_REPETITION,
    ACQ_FIRST_IN_SLICE,
    ACQ_LAST_IN_SLICE,
    Encoding,
    Readout,
)

MOST_WAITING, MOST_HELD = 64, 4
"""K-spaces that may wait for each other's turns, and the whole k-spaces that their readouts would fill, unless the
header announces more averages."""

NEARLY_ALL = 7 / 8
"""Of the lines: after so many a line that comes again belongs to the next k-space, and those that lack are lost."""

MAX_ALIKE = 64
"""Readouts of one single place that are kept until another place comes: the longest echo trains are of this size."""

LEFT_OVER = "its line came again with the same counters, or its samples lie elsewhere than those of the others"
"""Why a readout may turn out to belong to no k-space."""

Place = tuple[int, int]


class Key(NamedTuple):
    """What the readouts of a k-space share: a body coil and an array never make one k-space, whatever the counters."""

    indices: Indices
    n_coils: int


def may_more_wait(n_waiting: int, n_readouts: int, n_expected: int, n_averages: int = 1) -> bool:
    """Tell whether one more k-space may wait for its turn.

    Parameters
    ----------
    n_waiting, n_readouts
        The k-spaces that wait already, and the readouts of all of them.
    n_expected
        Readouts of a whole k-space.
    n_averages
        Those that the header announces, which may well take turns.
    """
    # Both: of k-spaces that are nearly empty many may wait, of nearly whole ones few, as their readouts fill the
    # memory.
    return n_waiting < MOST_WAITING and n_readouts < max(MOST_HELD, n_averages) * n_expected


def key_of(readout: Readout) -> Key:
    """Give the key of a readout."""
    return Key(readout.indices, readout.data.shape[0])


class Layers:
    """Gathers the readouts that came with the same counters.

    Parameters
    ----------
    encoding
        Theirs.
    """

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.has_ended = False
        self.apart: list[Readout] = []
        """A line that came again and may begin the next k-space; the readout after it tells."""
        self._readouts: list[Readout] = []
        self._times: dict[Place, int] = {}
        # How many places have come once, twice … at least.
        self._reached: list[int] = []
        self._n_layers = 0
        self._n_at_first = 0
        self._has_begun = False

    def __len__(self) -> int:
        """Give the number of places that came."""
        return len(self._times)

    @property
    def n_layers(self) -> int:
        """Number of readouts that at least half of the places have."""
        return self._n_layers

    @property
    def is_full(self) -> bool:
        """Whether each place within the limits came."""
        # None lies beyond them: the first readout that does puts the matrix in their place, see `Encodings`.
        return len(self) == self.encoding.lines.count * self.encoding.partitions.count

    @property
    def is_complete(self) -> bool:
        """Whether nothing more has to come: full or flagged, and each place as often as the others."""
        is_full = self.is_full and not are_doubtful(self.encoding, flag_comes=self._has_begun)
        is_over = self.has_ended or is_full
        return is_over and self._reached[self._n_layers - 1] == len(self._times)

    @property
    def ends_its_slab(self) -> bool:
        """Whether last-in-slice is set once, at the end: in 3D it may also stand at the end of each partition."""
        flagged = [readout for readout in self._readouts if readout.flags & ACQ_LAST_IN_SLICE]
        return len(flagged) == 1 and flagged[0] is self._readouts[-1]

    def is_at_its_most(self, n_expected: int) -> bool:
        """Tell whether no further layer may be opened; where lines come one by one the first of them says how many."""
        n_readouts = self._n_layers * len(self)
        may_open = may_more_wait(self._n_layers, n_readouts, n_expected, self.encoding.n_averages)
        return self._n_layers >= self._n_at_first and not may_open

    def lacks(self, readout: Readout) -> bool:
        """Tell whether the place of a readout came less often than the others."""
        return self._times.get(readout.place, 0) < self._n_layers

    def may_end_before(self, readout: Readout, n_expected: int) -> bool:
        """Tell whether a readout may begin the next k-space with the same counters.

        Parameters
        ----------
        readout
            The next one.
        n_expected
            Places of a whole k-space; 0 where k-spaces of this encoding were waited for in vain before.
        """
        # Of a single place nobody can say whether its echoes come again or the whole k-space does.
        if self.lacks(readout) or len(self) <= 1:
            return False
        return len(self) > NEARLY_ALL * n_expected or self.is_at_its_most(n_expected)

    def set_apart(self, readout: Readout) -> list[Readout]:
        """Keep a line that came again until another one tells; give those that have become too many."""
        self.apart.append(readout)
        return [self.apart.pop(0)] if len(self.apart) > MAX_ALIKE else []

    def add(self, readout: Readout) -> list[Readout]:
        """Take a readout; give those that have become too many of one single place."""
        place = readout.place
        times = self._times.get(place, 0)
        if times == MAX_ALIKE and len(self) == 1:
            self._readouts.append(readout)
            # The oldest goes: of a place that came too often the last readouts count, as in `part`.
            return [self._readouts.pop(0)]
        if times == 0 and len(self) == 1:
            # The second place has come: how often the first one did says how many echoes come in turn.
            self._n_at_first = self._n_layers
        self._readouts.append(readout)
        self._times[place] = times + 1
        if times == len(self._reached):
            self._reached.append(0)
        self._reached[times] += 1
        # What begins with a flag ends with one; in 3D the flags of a slice may be those of a partition.
        self._has_begun |= bool(
            readout.flags & (ACQ_FIRST_IN_REPETITION if self.encoding.is_3d else ACQ_FIRST_IN_SLICE)
        )
        # One more place may have raised the half that is asked for, one more readout the number that reaches it.
        self._n_layers = next(n for n in range(len(self._reached), 0, -1) if 2 * self._reached[n - 1] >= len(self))
        return []

    def part(self) -> tuple[list[list[Readout]], list[Readout]]:
        """Give the readouts of each layer, in the order of acquisition, and those that belong to none."""
        layers: list[list[Readout]] = [[] for _ in range(self._n_layers)]
        readouts, foreign = part_foreign(self._readouts, self.encoding.encoded_matrix[0])
        left_over = [*self.apart, *foreign]
        times = Counter(readout.place for readout in readouts)
        n_too_many = {place: number - self._n_layers for place, number in times.items()}
        came = dict.fromkeys(times, 0)
        for readout in readouts:
            place = readout.place
            # The first ones are left over: dummy readouts come before the scan, and a line is acquired again because it
            # was bad.
            if n_too_many[place] > 0:
                n_too_many[place] -= 1
                left_over.append(readout)
            else:
                layers[came[place]].append(readout)
                came[place] += 1
        return layers, left_over
