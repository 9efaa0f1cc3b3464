"""From readouts to the k-space that they make: what it lacks of a whole one, and with how few it makes no image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gadgets.indices import Indices, describe
from gadgets.kspace.assembly.encodings import Encodings
from gadgets.kspace.assembly.layers import Layers
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.placement import place_readouts, to_kspace
from gadgets.kspace.planes import FEWEST_LINES
from gadgets.kspace.readout import FIRST_OR_LAST, Encoding, Readout

TOO_WIDE = 1.25
"""Times the usual width; lines that run to and fro may well differ by some samples."""


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


def fewest_readouts(encoding: Encoding, *, is_whole: bool, wanted: int | None = None) -> int:
    """Give the number of readouts below which a k-space is nothing but stray readouts.

    It is 8 and a quarter of the matrix's lines, or what the header announces where that is fewer. Where nothing is
    known to be missing, as after a flag, nobody can say how much acceleration left out; then the smaller of both will
    do.

    Parameters
    ----------
    encoding
        Its matrix, limits and acceleration.
    is_whole
        Whether nothing is known to be missing.
    wanted
        A number that was set instead.
    """
    n_lines = encoding.encoded_matrix[1]
    # A matrix of fewer than 16 lines cannot be asked for 8 of them.
    few, quarter = min(FEWEST_LINES, -(-n_lines // 2)), -(-n_lines // 4)
    least = min(few, quarter) if is_whole else max(few, quarter)
    return min(least if wanted is None else wanted, encoding.n_readouts_expected)


def reason_too_few(acquired: AcquiredKSpace, wanted: int | None = None) -> str:
    """Say why what was acquired is no k-space but stray readouts; empty where it is one.

    Parameters
    ----------
    acquired
        What came.
    wanted
        See :func:`gadgets.kspace.assembly.missing_readouts.fewest_readouts`.
    """
    fewest = fewest_readouts(acquired.encoding, is_whole=not acquired.n_missing, wanted=wanted)
    if len(acquired.readouts) >= fewest:
        return ""
    return (
        f"expected at least {fewest} readouts of a k-space, found {len(acquired.readouts)} "
        f"({describe(acquired.indices)}, {len(acquired.readouts[0].data)} receivers; see "
        "acquisition_buffer.fewest_readouts)"
    )


class WholeKSpaces:
    """Makes k-spaces of readouts, and knows how many a whole one of each encoding has, from those that were complete.

    Parameters
    ----------
    encodings
        What is to be told of them is told by their k-spaces.
    """

    def __init__(self, encodings: Encodings) -> None:
        self._encodings = encodings
        self._have_layers: set[int] = set()
        self._n_readouts: dict[int, int] = {}
        self._carries_flags = False

    def __contains__(self, number: int) -> bool:
        """Tell whether a k-space of an encoding has been complete."""
        return number in self._n_readouts

    def n_expected(self, number: int, encoding: Encoding) -> int:
        """Give the readouts of a k-space: those of the last complete one, else what the header tells."""
        return self._n_readouts.get(number, encoding.n_readouts_expected)

    def note(self, readout: Readout) -> None:
        """Note whether the scan carries flags at all."""
        self._carries_flags = self._carries_flags or bool(readout.flags & FIRST_OR_LAST)

    def acquired(
        self, indices: Indices, finished: Layers, layers: Sequence[Sequence[Readout]], *, is_end: bool
    ) -> list[AcquiredKSpace]:
        """Give the k-spaces of what came with the same counters, each with what it lacks.

        Parameters
        ----------
        indices
            These counters.
        finished, layers
            All that came, and the readouts of each k-space.
        is_end
            Whether the stream has ended.
        """
        number = indices.encoding
        # Once, as all k-spaces of a scan are alike in this; a single line that came often is none of them.
        if finished.n_layers > 1 and len(finished) > 1 and number not in self._have_layers:
            self._have_layers.add(number)
            self._encodings.note(
                number,
                f"each line came {finished.n_layers} times with the same counters ({describe(indices)}): no "
                "counter tells the echoes or averages apart, and each became a k-space of its own",
            )
        return [self._one(indices, finished, readouts, is_end=is_end) for readouts in layers]

    def _one(self, indices: Indices, finished: Layers, readouts: Sequence[Readout], *, is_end: bool) -> AcquiredKSpace:
        n_missing = self._count_missing(indices.encoding, finished, readouts, is_end=is_end)
        warnings = []
        if n_missing:
            warnings.append(
                f"incomplete k-space ({describe(indices)}): {n_missing} of {len(readouts) + n_missing} "
                "expected readouts are missing"
            )
        width, longest = place_readouts(readouts)[0], max(readout.data.shape[1] for readout in readouts)
        usual = max(finished.encoding.encoded_matrix[0], longest)
        if finished.encoding.is_cartesian and width > TOO_WIDE * usual:
            warnings.append(
                f"the readouts' centres lie so far apart that the k-space ({describe(indices)}) has {width} samples "
                f"along them in place of {usual}: some of these centres are wrong"
            )
        # Told once, with the first k-space that comes out after it was noticed.
        warnings += self._encodings.take_notes(indices.encoding)
        return AcquiredKSpace(tuple(readouts), finished.encoding, n_missing, "; ".join(warnings))

    def _count_missing(self, number: int, finished: Layers, readouts: Sequence[Readout], *, is_end: bool) -> int:
        """Count what a finished k-space lacks, against the last complete one, which knows the sampling."""
        if finished.is_full or finished.has_ended or (is_end and finished.ends_its_slab):
            n_missing = len(finished) - len(readouts)
        else:
            # A stream that flags its first and last readouts and ends without the latter lacks at least that one.
            at_least = int(is_end and self._carries_flags)
            n_missing = max(self.n_expected(number, finished.encoding) - len(readouts), at_least)
        if not n_missing and len(readouts) >= fewest_readouts(finished.encoding, is_whole=True):
            # Only of as many as an image needs: a stray readout with a flag must not teach that a k-space has one.
            self._n_readouts[number] = len(readouts)
        return n_missing
