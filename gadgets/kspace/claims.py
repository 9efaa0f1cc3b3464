"""What a header claims of a k-space's size: its limits against its matrix, and both against what comes.

Limits that reach neither edge of the matrix are either a k-space that images fill up with zeros, or wrong. Which of
the two only the readouts tell: such a k-space stays open until a flag or the indices end it, and one readout beyond
the limits shows that the matrix counts.
"""

from __future__ import annotations

from dataclasses import replace

from gadgets.errors import RawDataError
from gadgets.kspace.readout import Encoding, Limits, Readout


def are_doubtful(encoding: Encoding) -> bool:
    """Tell whether full limits are no proof that nothing more comes."""
    _, n_lines, n_partitions = encoding.encoded_matrix
    return not (_reaches_edge(encoding.lines, n_lines) and _reaches_edge(encoding.partitions, n_partitions))


def _reaches_edge(limits: Limits, n_matrix: int) -> bool:
    # Partial Fourier leaves out one side only: such limits are to be trusted, their images come without delay.
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


def with_matrix(encoding: Encoding) -> Encoding:
    """Put the matrix in place of limits that turned out to be wrong."""
    _, n_lines, n_partitions = encoding.encoded_matrix
    return replace(
        encoding,
        lines=encoding.lines if _reaches_edge(encoding.lines, n_lines) else _whole(n_lines),
        partitions=encoding.partitions if _reaches_edge(encoding.partitions, n_partitions) else _whole(n_partitions),
    )


def _whole(n_matrix: int) -> Limits:
    return Limits(0, n_matrix // 2, n_matrix - 1)


def check_readout(readout: Readout, encoding: Encoding) -> None:
    """See that a readout's own numbers cannot make its k-space larger than header and samples are.

    Raises
    ------
    RawDataError
        Its line, partition, centre or discarded samples lie beyond limits, matrix and its own samples.
    """
    where = f"scan counter {readout.scan_counter}"
    n_samples = readout.data.shape[1]
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
    # What either of them has room for: which of both is right is decided elsewhere, see `beyond`.
    n_lines = max(encoding.lines.maximum + 1, encoding.encoded_matrix[1])
    n_partitions = max(encoding.partitions.maximum + 1, encoding.encoded_matrix[2])
    if readout.line >= n_lines or readout.partition >= n_partitions:
        raise RawDataError(
            f"expected line and partition below {n_lines} and {n_partitions} (limits and matrix of encoding "
            f"{readout.indices.encoding}), found {readout.line} and {readout.partition} at {where}"
        )
