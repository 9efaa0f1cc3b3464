"""What a header claims of a k-space's size: its limits against its matrix, and both against what comes.

Limits that reach neither edge of the matrix are either a k-space that images fill up with zeros, or wrong. Which of
the two only the readouts tell: such a k-space stays open until a flag or the indices end it, and one readout beyond
the limits shows that the matrix counts. Limits that reach one edge are those of partial Fourier; they are trusted
unless a flag is to come, which then ends the k-space.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gadgets.errors import RawDataError
from gadgets.kspace.readout import Encoding, Limits, Readout

LARGEST_COUNTER = 65535
"""What an MRD header can count up to."""

MOST_BEYOND = 4
"""Times the matrix that limits may reach; some headers have the matrix of the image, or count from 1."""


def are_doubtful(encoding: Encoding, *, flag_comes: bool = False) -> bool:
    """Tell whether full limits are no proof that nothing more comes.

    Parameters
    ----------
    encoding
        Its limits and matrix.
    flag_comes
        Whether a flag is to end the k-space; then only limits of the whole matrix are a proof.
    """
    _, n_lines, n_partitions = encoding.encoded_matrix
    are_trusted = _fill if flag_comes else _reaches_edge
    return not (are_trusted(encoding.lines, n_lines) and are_trusted(encoding.partitions, n_partitions))


def _fill(limits: Limits, n_matrix: int) -> bool:
    return limits.count >= n_matrix


def _reaches_edge(limits: Limits, n_matrix: int) -> bool:
    # Partial Fourier leaves out one side only: such limits are to be trusted, their images come without delay.
    if limits.count == 1 < n_matrix:
        return False
    before, after = limits.centre - limits.minimum, limits.maximum - limits.centre
    centre = n_matrix // 2
    return before >= centre or after >= n_matrix - 1 - centre


def beyond(readout: Readout, encoding: Encoding) -> str:
    """Say where a readout lies beyond the limits; empty where it does not."""
    said = [
        f"{name} {value} lies beyond the limits {limits.minimum} to {limits.maximum} of encoding "
        f"{readout.indices.encoding} in the header"
        for name, value, limits in (
            ("line", readout.line, encoding.lines),
            ("partition", readout.partition, encoding.partitions),
        )
        if value not in limits
    ]
    return ", ".join(said)


def with_matrix(encoding: Encoding, readout: Readout) -> Encoding:
    """Put the matrix in place of limits that are doubtful, or that a readout showed to be wrong."""
    _, n_lines, n_partitions = encoding.encoded_matrix
    return replace(
        encoding,
        lines=_believed(encoding.lines, n_lines, readout.line),
        partitions=_believed(encoding.partitions, n_partitions, readout.partition),
    )


def _believed(limits: Limits, n_matrix: int, value: int) -> Limits:
    if value in limits and _reaches_edge(limits, n_matrix):
        return limits
    return replace(whole(n_matrix), maximum=max(n_matrix - 1, limits.maximum))


def whole(n_matrix: int) -> Limits:
    """Give the limits of a whole matrix, with the centre that MRD and the transform use where nothing else is said."""
    return Limits(0, n_matrix // 2, max(n_matrix - 1, 0))


def credible(limits: Limits, n_matrix: int) -> Limits:
    """Give limits as far as they can be true of a Cartesian k-space.

    Parameters
    ----------
    limits
        As the header has them.
    n_matrix
        Size of the encoded matrix along the same axis.

    Returns
    -------
        The whole matrix in place of limits that no k-space has; the middle of the matrix in place of a centre around
        which they would not fit into it, such as one that was never set.
    """
    if limits.minimum < 0 or limits.maximum > LARGEST_COUNTER or limits.maximum >= MOST_BEYOND * n_matrix > MOST_BEYOND:
        return whole(n_matrix)
    # A maximum below the minimum would make a negative number of lines.
    limits = replace(limits, maximum=max(limits.maximum, limits.minimum))
    middle = n_matrix // 2
    fits = limits.maximum < n_matrix
    # By one at most: counters and centres are taken to begin at 0 or at 1.
    before, after = limits.centre - limits.minimum - middle, limits.maximum - limits.centre - (n_matrix - 1 - middle)
    if limits.centre not in limits or (fits and max(before, after) > 1):
        return replace(limits, centre=middle if fits else (limits.minimum + limits.maximum + 1) // 2)
    return limits


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
    # What either of them has room for: which of both is right is decided elsewhere, see `beyond`.
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
            Where it lies, see :func:`beyond`.
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
