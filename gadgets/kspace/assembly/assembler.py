"""From readouts to k-spaces, as acquired.

A k-space is complete at its last-in-slice, last-in-repetition or last-in-measurement flag, when the limits of its
counters are full and agree with the matrix (``claims``), or when the indices move on (``succession``). Where lines come
again with the same indices, several k-spaces share these (``layers``), or the next one begins. What acceleration and
partial Fourier leave out is not missing; a stream that ends before its flags is reported with what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gadgets.indices import describe
from gadgets.kspace.assembly.claims import are_doubtful, beyond
from gadgets.kspace.assembly.encodings import Encodings, check_readout
from gadgets.kspace.assembly.layers import Key, Layers, key_of
from gadgets.kspace.assembly.missing_readouts import AcquiredKSpace, WholeKSpaces
from gadgets.kspace.assembly.open_kspaces import OpenKSpaces
from gadgets.kspace.assembly.succession import TOO_MANY, Succession
from gadgets.kspace.readout import (
    ACQ_LAST_IN_MEASUREMENT,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
    Encoding,
    Readout,
)

__all__ = ["AcquiredKSpace", "Encoding", "KSpaceAssembler", "Readout", "assemble"]


class KSpaceAssembler:
    """Collects readouts and hands out each k-space as soon as it is complete.

    Parameters
    ----------
    encodings
        The encodings of the MRD header, in its order.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._encodings = Encodings(encodings)
        self._succession = Succession()
        self._open = OpenKSpaces()
        self._left_over: list[Readout] = []
        self._whole = WholeKSpaces(self._encodings)
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Size of the readouts that wait."""
        return self._n_bytes

    @property
    def n_open(self) -> int:
        """Number of k-spaces that wait for readouts."""
        return len(self._open)

    @property
    def oldest(self) -> Key | None:
        """The k-space that has waited for longest."""
        return next(iter(self._open), None)

    def n_waiting(self, key: Key) -> int:
        """Count the readouts of a k-space that is not complete yet."""
        return len(self._open.get(key, ()))

    def add(self, readout: Readout) -> list[AcquiredKSpace]:
        """Take one readout and give the k-spaces that it completes, oldest first.

        Raises
        ------
        RawDataError
            The readout fits no encoding, or lies outside its matrix. It is then not taken, and the assembly can go on.
        """
        # What may refuse it comes first: of a readout that is not taken nothing must have been noted.
        encoding = self._encodings[readout.indices.encoding]
        check_readout(readout, encoding)
        self._whole.note(readout)
        key = key_of(readout)
        # Before its line may prove the limits wrong: what is over came while they held, and lacks nothing beyond them.
        complete = self._over_before(key, readout)
        encoding = self._believed(key, readout, encoding)
        own = self._open[key] if key in self._open else self._open.open(key, Layers(encoding))
        self._n_bytes += readout.data.nbytes
        if self._may_be_next(own, readout):
            self._leave_over(own.set_apart(readout))
            return complete
        # What was set apart began no other k-space: its line was acquired again, and belongs here.
        for each in (*own.apart, readout):
            self._leave_over(own.add(each))
        own.apart.clear()
        for ended in self._completed_by(key, readout, own):
            complete += self._close(ended)
        return complete

    def give_up(self, key: Key) -> list[AcquiredKSpace]:
        """Close what waits with a key, whatever it still lacks."""
        return self._close(key)

    def flush(self) -> list[AcquiredKSpace]:
        """Give what is still open at the end of the stream; what is missing is counted, with a warning."""
        # A list, because each k-space that is closed leaves the dict.
        return [acquired for key in list(self._open) for acquired in self._close(key, is_end=True)]

    def take_left_over(self) -> list[Readout]:
        """Give the readouts that have turned out to belong to no k-space since this was asked last."""
        left_over, self._left_over = self._left_over, []
        return left_over

    def _leave_over(self, readouts: Sequence[Readout]) -> None:
        self._left_over += readouts
        self._n_bytes -= sum(readout.data.nbytes for readout in readouts)

    def encoding(self, number: int) -> Encoding:
        """Look up an encoding as it is believed by now; raises RawDataError where the header has no such one."""
        return self._encodings[number]

    def _believed(self, key: Key, readout: Readout, encoding: Encoding) -> Encoding:
        """See whether a readout contradicts the limits, and if so go by the matrix."""
        said, number = beyond(readout, encoding), readout.indices.encoding
        if not said:
            return encoding
        # Trusted limits may have ended a k-space that goes on: it is out already, and all that is left is to say so.
        is_out = key not in self._open and number in self._whole and not are_doubtful(encoding)
        encoding = self._encodings.go_by_matrix(readout, said, is_out=is_out)
        for other, waiting in self._open.items():
            if other.indices.encoding == number:
                waiting.encoding = encoding
        return encoding

    def _over_before(self, key: Key, readout: Readout) -> list[AcquiredKSpace]:
        """Close what this readout shows to be over: its own k-space, or an older repetition or average."""
        own = self._open.get(key)
        if own is None:
            waited = self._succession.may_wait(key)
            n_averages = self._encodings[key.indices.encoding].n_averages
            # One readout alone says nothing of its k-space: see ended_by_opening.
            n_readouts = self._open.count([*self._open.kin_of(key, fewest=2), *self._succession.left_behind])
            over = self._succession.ended_by_opening(key, n_readouts, self._n_expected(key), n_averages)
            if waited and not self._succession.may_wait(key):
                self._encodings.note(key.indices.encoding, TOO_MANY)
            return [acquired for each in over for acquired in self._close(each)]
        if not own.apart or own.apart[0].place == readout.place or own.lacks(readout):
            return []
        # Two lines in turn came again: a whole k-space does, and the first of them was its first readout.
        apart, own.apart = own.apart, []
        if self._succession.may_wait(key) and own.is_at_its_most(self._n_expected(key)):
            self._succession.wait_no_more(key)
            self._encodings.note(key.indices.encoding, TOO_MANY)
        complete = self._close(key)
        following = self._open.open(key, Layers(own.encoding))
        for each in apart:
            following.add(each)
        return complete

    def _may_be_next(self, own: Layers, readout: Readout) -> bool:
        """Tell whether a readout may begin the next k-space; one that is flagged as the last ends what there is."""
        is_last = readout.flags & (ACQ_LAST_IN_SLICE | ACQ_LAST_IN_REPETITION | ACQ_LAST_IN_MEASUREMENT)
        return not is_last and own.may_end_before(readout, self._n_expected(key_of(readout)))

    def _n_expected(self, key: Key) -> int:
        """Give the readouts of a whole k-space; 0 where nothing is to be waited for."""
        number = key.indices.encoding
        encoding = self._encodings[number]
        # Readouts without a place have no whole of which they could be a half.
        is_known = encoding.is_cartesian and self._succession.may_wait(key)
        return self._whole.n_expected(number, encoding) if is_known else 0

    def _completed_by(self, key: Key, readout: Readout, own: Layers) -> list[Key]:
        """Say which k-spaces this readout completes."""
        flagged: list[Key] = []
        if readout.flags & ACQ_LAST_IN_MEASUREMENT:
            flagged = self._succession.ended_by_flag(key, self._open.count(self._open))
        elif readout.flags & ACQ_LAST_IN_REPETITION:
            same = [other for other in self._open if other.indices.repetition == key.indices.repetition]
            flagged = self._succession.ended_by_flag(key, self._open.count(same))
        elif readout.flags & ACQ_LAST_IN_SLICE and not own.encoding.is_3d:  # in 3D see ends_its_slab
            flagged = [key]
        for other in flagged:
            self._open[other].has_ended = True
        # Where its line comes again for other echoes, the flag holds once they are there.
        ended = [other for other in flagged if other != key or own.is_complete]
        if not flagged and own.is_complete:
            ended = [key]
        return ended

    def _close(self, key: Key, *, is_end: bool = False) -> list[AcquiredKSpace]:
        """Give the k-spaces of what is open, and of what other receivers left behind with the same counters."""
        finished = self._open.close(key)
        if finished is None:
            return []
        self._succession.forget(key)
        layers, left_over = finished.part()
        self._leave_over(left_over)
        self._n_bytes -= sum(readout.data.nbytes for readouts in layers for readout in readouts)
        complete = self._whole.acquired(key.indices, finished, layers, is_end=is_end)
        if not any(acquired.n_missing for acquired in complete):
            self._succession.note_whole(key)
        # Readouts of a body coil among those of an array, say, are over with these. Half as many and more may be a
        # k-space of their own, and go on waiting.
        for other in self._open.alike(key):
            # Those of a third coil may have been over with the second one's.
            if other not in self._open:
                continue
            if 2 * len(self._open[other]) < len(finished):
                complete += self._close(other, is_end=is_end)
            else:
                self._encodings.note(
                    key.indices.encoding,
                    f"readouts of {key.n_coils} and of {other.n_coils} receivers have the same counters "
                    f"({describe(key.indices)}), and make a k-space each",
                )
        return complete


def assemble(readouts: Iterable[Readout], encodings: Sequence[Encoding]) -> Iterator[AcquiredKSpace]:
    """Assemble a whole stream of imaging readouts.

    Raises
    ------
    RawDataError
        As :meth:`KSpaceAssembler.add`.
    """
    assembler = KSpaceAssembler(encodings)
    for readout in readouts:
        yield from assembler.add(readout)
    yield from assembler.flush()
