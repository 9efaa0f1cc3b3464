"""From readouts to k-spaces, as acquired.

A k-space is complete at its last-in-slice, last-in-repetition or last-in-measurement flag, when the limits of its
counters are full and agree with the matrix (``claims``), or when the indices move on (``succession``); a line that
comes twice opens the next k-space with the same indices. What acceleration and partial Fourier leave out is not
missing; a stream that ends before its flags is reported with what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from gadgets.kspace.claims import are_doubtful, beyond, check_readout, with_matrix
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.placement import to_kspace
from gadgets.kspace.readout import (
    ACQ_LAST_IN_MEASUREMENT,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
    FIRST_OR_LAST,
    Encoding,
    Readout,
)
from gadgets.kspace.succession import Succession

__all__ = ["AcquiredKSpace", "Encoding", "KSpaceAssembler", "Readout", "assemble", "to_kspace"]

Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class AcquiredKSpace:
    """The readouts of one k-space, in the order of acquisition; ``n_missing`` never came."""

    readouts: tuple[Readout, ...]
    encoding: Encoding
    n_missing: int = 0
    warning: str = ""

    @property
    def indices(self) -> Indices:
        """Its counters."""
        return self.readouts[0].indices

    @cached_property
    def kspace(self) -> KSpace:
        """The k-space itself, made when somebody asks: where there is no memory for it, the readouts are not lost."""
        return to_kspace(self.readouts, self.encoding)


@dataclass(eq=False)
class _OpenKSpace:
    encoding: Encoding
    readouts: list[Readout] = field(default_factory=list)
    places: set[Place] = field(default_factory=set)
    n_within_limits: int = 0
    has_ended: bool = False

    @property
    def is_full(self) -> bool:
        return self.n_within_limits == self.encoding.lines.count * self.encoding.partitions.count

    @property
    def ends_its_slab(self) -> bool:
        # In a 3D scan last-in-slice may end every partition or, set but once, the whole slab.
        flagged = [readout for readout in self.readouts if readout.flags & ACQ_LAST_IN_SLICE]
        return len(flagged) == 1 and flagged[0] is self.readouts[-1]

    def add(self, readout: Readout) -> None:
        self.readouts.append(readout)
        self.places.add((readout.partition, readout.line))
        self.n_within_limits += not beyond(readout, self.encoding)

    def go_by(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.n_within_limits = sum(not beyond(readout, encoding) for readout in self.readouts)


class KSpaceAssembler:
    """Collects readouts and hands out each k-space as soon as it is complete.

    Parameters
    ----------
    encodings
        The encodings of the MRD header, in its order.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._encodings = list(encodings)
        self._contradictions: dict[int, str] = {}
        self._succession = Succession()
        self._open: dict[Indices, _OpenKSpace] = {}
        self._n_coils: dict[Indices, int] = {}
        self._n_readouts: dict[int, int] = {}
        self._carries_flags = False
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
    def oldest(self) -> Indices | None:
        """The k-space that has waited for longest."""
        return next(iter(self._open), None)

    def n_waiting(self, indices: Indices) -> int:
        """Count the readouts of a k-space that is not complete yet."""
        waiting = self._open.get(indices)
        return len(waiting.readouts) if waiting is not None else 0

    def add(self, readout: Readout) -> list[AcquiredKSpace]:
        """Take one readout and give the k-spaces that it completes, oldest first.

        Raises
        ------
        RawDataError
            The readout fits no encoding, lies outside its matrix, or the number of receivers has changed. It
            is then not taken, and the assembly can go on.
        """
        encoding = self.encoding(readout.indices.encoding)
        self._check(readout, encoding)
        self._carries_flags = self._carries_flags or bool(readout.flags & FIRST_OR_LAST)
        complete = self._moved_on(readout)
        encoding = self._believed(readout, encoding)
        self._n_coils[readout.indices] = readout.data.shape[0]
        own = self._open.setdefault(readout.indices, _OpenKSpace(encoding))
        own.add(readout)
        self._n_bytes += readout.data.nbytes
        for indices in self._ended_by(readout, own):
            complete.append(self._close(indices))
        return complete

    def give_up(self, indices: Indices) -> AcquiredKSpace:
        """Close a k-space that waits, whatever it still lacks."""
        return self._close(indices)

    def flush(self) -> list[AcquiredKSpace]:
        """Give what is still open at the end of the stream; what is missing is counted, with a warning."""
        return [self._close(indices, is_end=True) for indices in list(self._open)]

    def _check(self, readout: Readout, encoding: Encoding) -> None:
        where = f"scan counter {readout.scan_counter}"
        # Sets may have coils of their own (a body coil beside an array); one k-space has not.
        n_coils = self._n_coils.get(readout.indices, readout.data.shape[0])
        if readout.data.shape[0] != n_coils:
            raise RawDataError(
                f"the number of receivers changes within a k-space ({describe(readout.indices)}): expected {n_coils}, "
                f"found {readout.data.shape[0]} at {where}"
            )
        check_readout(readout, encoding)

    def encoding(self, number: int) -> Encoding:
        """Look up an encoding by the number that headers carry.

        Raises
        ------
        RawDataError
            The MRD header has no such encoding.
        """
        if number >= len(self._encodings):
            raise RawDataError(
                f"expected an encoding below {len(self._encodings)} (those of the header), found {number}"
            )
        return self._encodings[number]

    def _believed(self, readout: Readout, encoding: Encoding) -> Encoding:
        """See whether a readout contradicts the limits, and if so go by the matrix where they were doubtful."""
        said, number = beyond(readout, encoding), readout.indices.encoding
        if not said:
            return encoding
        if are_doubtful(encoding):
            encoding = self._encodings[number] = with_matrix(encoding)
            self._contradictions[number] = f"{said}; the matrix counts"
            for indices, other in self._open.items():
                if indices.encoding == number:
                    other.go_by(encoding)
        elif readout.indices not in self._open and number in self._n_readouts:
            # Trusted limits have ended a k-space that goes on: it is out already, and all that is left is to say so.
            self._contradictions[number] = f"{said}; an image without it may have come before"
        return encoding

    def _moved_on(self, readout: Readout) -> list[AcquiredKSpace]:
        """Close what this readout shows to be over: its own place taken, or an older repetition or average."""
        own = self._open.get(readout.indices)
        if own is not None:
            return [self._close(readout.indices)] if (readout.partition, readout.line) in own.places else []
        number = readout.indices.encoding
        encoding = self._encodings[number]
        # Readouts without a place have no whole of which they could be a half.
        n_expected = self._n_readouts.get(number, encoding.n_readouts_expected) if encoding.is_cartesian else 0
        over = self._succession.ended_by_opening(readout.indices, self._count_open(), n_expected)
        return [self._close(indices) for indices in over]

    def _count_open(self) -> dict[Indices, int]:
        return {indices: len(waiting.readouts) for indices, waiting in self._open.items()}

    def _ended_by(self, readout: Readout, own: _OpenKSpace) -> list[Indices]:
        """Say which k-spaces this readout completes."""
        ended = [readout.indices] if own.is_full and not are_doubtful(own.encoding) else []
        if self._succession.is_waiting:
            ended = self._succession.ended_by_growth(readout.indices, self._count_open()) + ended
        if readout.flags & ACQ_LAST_IN_MEASUREMENT:
            ended = list(self._open)
        elif readout.flags & ACQ_LAST_IN_REPETITION:
            ended = [indices for indices in self._open if indices.repetition == readout.indices.repetition]
        elif readout.flags & ACQ_LAST_IN_SLICE and not own.encoding.is_3d:  # in 3D see ends_its_slab
            ended = [readout.indices]
        else:
            return ended
        for indices in ended:
            self._open[indices].has_ended = True
        return ended

    def _close(self, indices: Indices, *, is_end: bool = False) -> AcquiredKSpace:
        finished = self._open.pop(indices)
        self._succession.forget(indices)
        self._n_bytes -= sum(readout.data.nbytes for readout in finished.readouts)
        n_readouts = len(finished.readouts)
        n_missing = self._count_missing(finished, indices.encoding, is_end)
        warnings = []
        if n_missing:
            warnings.append(
                f"incomplete k-space ({describe(indices)}): {n_missing} of {n_readouts + n_missing} "
                "expected readouts are missing"
            )
        else:
            self._n_readouts[indices.encoding] = n_readouts
        if contradiction := self._contradictions.pop(indices.encoding, ""):
            warnings.append(contradiction)
        return AcquiredKSpace(tuple(finished.readouts), finished.encoding, n_missing, "; ".join(warnings))

    def _count_missing(self, finished: _OpenKSpace, encoding: int, is_end: bool) -> int:
        """Count against the last complete k-space, which knows the sampling, else against the header."""
        if finished.is_full or finished.has_ended or (is_end and finished.ends_its_slab):
            return 0
        expected = self._n_readouts.get(encoding, finished.encoding.n_readouts_expected)
        # A stream that flags its first and last readouts and ends without the latter lacks at least that one.
        at_least = int(is_end and self._carries_flags)
        return max(expected - len(finished.readouts), at_least)


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


def describe(indices: Indices) -> str:
    """Name a k-space in a message by those of its counters that are not 0."""
    counters = [f"{name} {value}" for name, value in indices.model_dump().items() if value]
    return ", ".join(counters) or "first k-space"
