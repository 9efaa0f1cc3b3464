"""What a header claims of a k-space's size: its limits against its matrix, and both against what comes.

Limits that reach neither edge of the matrix are either a k-space that images fill up with zeros, or wrong. Which of
the two only the readouts tell: such a k-space stays open until a flag or the indices end it, and one readout beyond
the limits shows that the matrix counts. Limits that reach one edge are those of partial Fourier; they are trusted
unless a flag is to come, which then ends the k-space.
"""

from __future__ import annotations

from dataclasses import replace

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
