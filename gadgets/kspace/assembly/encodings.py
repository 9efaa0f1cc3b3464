"""The encodings of a header beside what comes: what contradicts them, and what has no place in a k-space at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from gadgets.errors import RawDataError
from gadgets.kspace.assembly.claims import with_matrix
from gadgets.kspace.readout import Encoding, Readout


def check_readout(readout: Readout, encoding: Encoding) -> None:
    """See that a readout has something for a k-space, and cannot make it larger than header and samples are.

    Raises
    ------
    RawDataError
        Its line, partition, centre or discarded samples lie beyond limits, matrix and its own samples; or it has none
        that are to be used.
    """
    where = f"scan counter {readout.scan_counter}"
    n_receivers, n_samples = readout.data.shape
    # The larger of both: asymmetric echoes end before the matrix does, and oversampled ones may be longer than a header
    # says.
    widest = max(n_samples, encoding.encoded_matrix[0])
    if readout.centre_sample > widest:
        raise RawDataError(
            f"expected a center_sample of at most {widest} (samples and matrix of encoding "
            f"{readout.indices.encoding}), found {readout.centre_sample} at {where}"
        )
    if sum(readout.n_discarded) > n_samples:
        raise RawDataError(
            f"expected discard_pre and discard_post of together at most {n_samples} samples, found "
            f"{readout.n_discarded[0]} and {readout.n_discarded[1]} at {where}"
        )
    if not n_receivers or sum(readout.n_discarded) == n_samples:
        # A k-space of such readouts alone would be one without an image, and nobody would be told.
        raise RawDataError(
            f"expected samples that are to be used, found {n_samples} of {n_receivers} receivers, "
            f"{sum(readout.n_discarded)} of them discarded, at {where}"
        )
    # What either of them has room for: which of both is right is decided elsewhere, see :func:`.claims.beyond`.
    n_lines = max(encoding.lines.maximum + 1, encoding.encoded_matrix[1])
    n_partitions = max(encoding.partitions.maximum + 1, encoding.encoded_matrix[2])
    if readout.line >= n_lines or readout.partition >= n_partitions:
        raise RawDataError(
            f"expected line and partition below {n_lines} and {n_partitions} (limits and matrix of encoding "
            f"{readout.indices.encoding}), found {readout.line} and {readout.partition} at {where}"
        )


class Encodings:
    """The encodings of a header as far as they are believed, and what contradicted them.

    Parameters
    ----------
    encodings
        In the header's order.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._encodings = list(encodings)
        self._untold: defaultdict[int, list[str]] = defaultdict(list)

    def __getitem__(self, number: int) -> Encoding:
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

    def go_by_matrix(self, readout: Readout, said: str, *, is_out: bool) -> Encoding:
        """Believe the matrix from now on, as a readout lies beyond the limits.

        Parameters
        ----------
        readout
            The one that does.
        said
            Where it lies, see :func:`.claims.beyond`.
        is_out
            Whether trusted limits may have ended its k-space already.
        """
        number = readout.indices.encoding
        outcome = "an image without it may have come before, from now on the matrix counts"
        self.note(number, f"{said}; {outcome if is_out else 'the matrix counts'}")
        self._encodings[number] = with_matrix(self._encodings[number], readout)
        return self._encodings[number]

    def note(self, number: int, said: str) -> None:
        """Keep what is to be told of an encoding."""
        self._untold[number].append(said)

    def take_notes(self, number: int) -> list[str]:
        """Give what is to be told of an encoding and was not told yet."""
        return self._untold.pop(number, [])
