"""Where the samples of a readout lie in its k-space."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from gadgets.arrays import BoolArray, IntArray
from gadgets.errors import RawDataError
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.readout import Encoding, Readout
from gadgets.outside import memory_limit

MAX_EMPTINESS = 64
"""Samples of a k-space for each one that came. Acceleration and partial Fourier leave out fewer by far."""

MOST_FOREIGN = 8
"""One in so many readouts may lie elsewhere; where more do, nobody can say which of them are wrong."""

SMALL_BYTES = 64 << 20
"""A k-space of this size may be as empty as it likes."""


def place_along_readout(
    n_samples: IntArray, centre_sample: IntArray, is_reversed: BoolArray
) -> tuple[int, int, IntArray]:
    """Align the readouts of one k-space by their centre samples.

    A reversed readout is placed such that it is aligned once the whole row is turned round. Readouts of one
    length and centre, the usual case, all begin at 0.

    Parameters
    ----------
    n_samples, centre_sample, is_reversed
        Per readout, shape ``(readout,)``.

    Returns
    -------
        The width of the k-space, its centre sample, and the first sample of each readout.
    """
    # The latest centre is where all others move to, so that no readout begins before the first column.
    centre = int(centre_sample.max(initial=0))
    width = max(int((centre + n_samples - centre_sample).max(initial=1)), 1)
    forward = centre - centre_sample
    start = np.where(is_reversed, width - forward - n_samples, forward)
    return width, centre, start


def place_readouts(readouts: Sequence[Readout]) -> tuple[int, int, list[int]]:
    """Place the readouts of one k-space: its width, its centre sample and the first sample of each readout."""
    n_samples = np.array([readout.data.shape[1] for readout in readouts])
    centre_sample = np.array([readout.centre_sample for readout in readouts])
    is_reversed = np.array([readout.is_reversed for readout in readouts])
    width, centre, start = place_along_readout(n_samples, centre_sample, is_reversed)
    return width, centre, start.tolist()


def part_foreign(readouts: Sequence[Readout], n_matrix: int) -> tuple[list[Readout], list[Readout]]:
    """Part the readouts of one k-space from a few whose samples lie elsewhere than those of the others.

    A centre that was never set, or the many samples of another measurement, would make all of the k-space wider, and
    its image another one.

    Parameters
    ----------
    readouts
        Of one k-space, at least one.
    n_matrix
        Samples of the encoded matrix. Segments of one readout may lie anywhere within it.

    Returns
    -------
        Those that belong together, and the others.
    """
    places = Counter((readout.centre_sample, readout.data.shape[1]) for readout in readouts)
    # Wrong headers are exceptions, so the place of most readouts is the right one.
    ((before, n_samples), _), *others = places.most_common()
    widest = max(n_matrix, n_samples)
    foreign = set()
    for (other_before, n_other), _ in others:
        after = max(n_samples - before, n_other - other_before)
        # Aligned by their centres, both together would take so many columns.
        if max(before, other_before) + after > widest:
            foreign.add((other_before, n_other))
    if MOST_FOREIGN * sum(places[place] for place in foreign) > len(readouts):
        return list(readouts), []
    is_foreign = [(readout.centre_sample, readout.data.shape[1]) in foreign for readout in readouts]
    return (
        [readout for readout, is_so in zip(readouts, is_foreign, strict=True) if not is_so],
        [readout for readout, is_so in zip(readouts, is_foreign, strict=True) if is_so],
    )


def to_kspace(readouts: Sequence[Readout], encoding: Encoding) -> KSpace:
    """Put readouts that share their indices in their places.

    Parameters
    ----------
    readouts
        At least one; of readouts with the same line and partition the last one counts.
    encoding
        Gives the number of lines and partitions and their centres.

    Raises
    ------
    RawDataError
        The k-space would be larger than there is memory for, or almost empty and large.
    """
    width, centre, starts = place_readouts(readouts)
    # What came counts as well: lines may lie beyond the limits that the header gives, within its matrix.
    n_lines = max(encoding.lines.maximum, max(readout.line for readout in readouts)) + 1
    n_partitions = max(encoding.partitions.maximum, max(readout.partition for readout in readouts)) + 1
    grid = (n_partitions, n_lines)
    shape = (readouts[0].data.shape[0], *grid, width)
    asked = f"(receivers, partitions, lines, samples) = {shape} of the header's limits and the readouts' counters"
    check_size("k-space", shape, sum(readout.data.size for readout in readouts), asked)
    data = np.zeros(shape, np.complex64)
    sampled = np.zeros((*grid, width), np.bool_)
    # Of the header's own type, so that counters and stamps come out as they went in.
    scan_counter, time_stamp = np.zeros(grid, np.uint32), np.zeros(grid, np.uint32)
    reversed_lines = np.zeros(grid, np.bool_)
    for readout, start in zip(readouts, starts, strict=True):
        place = (readout.partition, readout.line)
        # What the header discards stays zero and counts as not sampled: nothing is compared with it or repaired there.
        before, after = readout.n_discarded
        used = slice(before, max(readout.data.shape[1] - after, before))
        row = slice(start + used.start, start + used.stop)
        # In the order of acquisition, so that the last readout of a place is the one that stays.
        data[:, readout.partition, readout.line, row] = readout.data[:, used]
        sampled[(*place, row)] = True
        scan_counter[place], time_stamp[place] = readout.scan_counter, readout.time_stamp
        reversed_lines[place] = readout.is_reversed
    kspace_centre = (encoding.partitions.centre, encoding.lines.centre, centre)
    return KSpace(data, sampled, readouts[0].indices, scan_counter, time_stamp, reversed_lines, kspace_centre)


def check_size(kind: str, shape: tuple[int, ...], n_samples: int, asked: str) -> None:
    """See that a k-space or an image is worth its memory: a few bytes of a header can ask for any size of it.

    Parameters
    ----------
    kind
        What it is, for the message of an error.
    shape
        Of the complex array.
    n_samples
        Those that came for it.
    asked
        Who asks for it, for the message.

    Raises
    ------
    RawDataError
        It is larger than there is memory for, or almost empty and large.
    """
    size = math.prod(shape)
    n_bytes = size * np.dtype(np.complex64).itemsize
    if n_bytes > (most := memory_limit()):
        raise RawDataError(f"expected a {kind} of at most {most} bytes, found one of {n_bytes} bytes: {asked}")
    if n_bytes > SMALL_BYTES and size > MAX_EMPTINESS * n_samples:
        raise RawDataError(f"expected at most {MAX_EMPTINESS} times the {n_samples} samples that came, found {asked}")
