"""Two ways to a k-space: of readouts that have a place in it, and of those that only have a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from gadgets.drop_in.turns import Held
from gadgets.kspace import AcquiredKSpace, Encoding, Key, KSpaceAssembler, Limits, Readout
from gadgets.wire import Acquisition

# Readouts without a place in k-space are judged in blocks of about the size of an image's k-space.
_MAX_BLOCK = 512


class Closed(NamedTuple):
    """K-spaces for which nothing more is waited."""

    kspaces: Sequence[AcquiredKSpace]
    left_over: Sequence[Readout]
    """Readouts that turned out to belong to none."""

    is_gridded: bool
    """Whether the readouts have a place in k-space, or only a number."""


class Assemblers:
    """Collects the acquisitions of a stream until their k-spaces are complete, by place or by time.

    Parameters
    ----------
    encodings
        Those of the MRD header.
    """

    def __init__(self, encodings: tuple[Encoding, ...]) -> None:
        # Cartesian and EPI readouts have a place; all others, as of spirals, are judged in the order in which they
        # came.
        self._by_place = KSpaceAssembler(encodings)
        self._by_time = KSpaceAssembler([in_order_of_acquisition(encoding) for encoding in encodings])

    def add(self, acquisition: Acquisition, held: Held) -> Closed:
        """Take an imaging acquisition, ``held`` in the queue, and give the k-spaces that it completes.

        Raises
        ------
        RawDataError
            It fits no encoding, or lies outside its matrix. It is then not taken.
        """
        assembler = self._assembler_of(acquisition)
        # The next free line is the number of readouts that wait already.
        line = None if assembler is self._by_place else assembler.n_waiting(_key_of(acquisition))
        return self._closed(assembler.add(acquisition.readout(held, line)), assembler)

    def give_up(self, acquisition: Acquisition) -> Closed:
        """Close the k-space of an acquisition, whatever it still lacks."""
        assembler = self._assembler_of(acquisition)
        return self._closed(assembler.give_up(_key_of(acquisition)), assembler)

    def flush(self) -> Iterator[Closed]:
        """Give what is still open at the end of the stream."""
        for assembler in (self._by_place, self._by_time):
            yield self._closed(assembler.flush(), assembler)

    def _closed(self, kspaces: Sequence[AcquiredKSpace], assembler: KSpaceAssembler) -> Closed:
        return Closed(kspaces, assembler.take_left_over(), is_gridded=assembler is self._by_place)

    def _assembler_of(self, acquisition: Acquisition) -> KSpaceAssembler:
        encoding = self._by_place.encoding(acquisition.fields.encoding_space_ref)
        # A readout with a trajectory says there where it lies; its counters need not mean a place.
        has_place = encoding.is_cartesian and not acquisition.fields.trajectory_dimensions
        return self._by_place if has_place else self._by_time


def in_order_of_acquisition(encoding: Encoding) -> Encoding:
    """Give the encoding in which readouts have a number instead of a place: blocks of readout times sample."""
    n_readouts = min(max(encoding.lines.count * encoding.partitions.count, 1), _MAX_BLOCK)
    lines = Limits(0, n_readouts // 2, n_readouts - 1)
    width = encoding.encoded_matrix[0]
    return replace(
        encoding, encoded_matrix=(width, n_readouts, 1), lines=lines, partitions=Limits(), trajectory="other"
    )


def _key_of(acquisition: Acquisition) -> Key:
    return Key(acquisition.indices, acquisition.fields.active_channels)
