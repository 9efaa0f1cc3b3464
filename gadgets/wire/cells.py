"""Cells: the k-spaces in a ReconData of whatever gadget, each with its place, and how changed ones are put back.

Each ``(LOC, S, N)`` of a bit's data is one k-space; a header without samples marks a place where nothing was acquired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray
from gadgets.errors import RawDataError
from gadgets.indices import COUNTERS, Indices
from gadgets.kspace import ACQ_IS_REVERSE, Encoding, KSpace, Limits, place_along_readout
from gadgets.wire.acquisitions import ACQUISITION_HEADER
from gadgets.wire.outgoing import Bytes
from gadgets.wire.recon_data import SAMPLING, ReconBuffer, ReconData
from gadgets.wire.transport import bytes_of


@dataclass(frozen=True, eq=False)
class Cell:
    """One k-space of a ReconData.

    Attributes
    ----------
    place
        Bit, LOC, S and N.
    kspace
        Its samples are a read-only view.
    encoding
        What the sampling description says, or the MRD header where it says nothing.
    header
        That of the readout nearest to the k-space centre, with the fields of ``acquisition_header_dtype``.
    """

    place: tuple[int, int, int, int]
    kspace: KSpace
    encoding: Encoding
    header: np.void


def cells_of(recon_data: ReconData, encodings: Sequence[Encoding]) -> list[Cell]:
    """Give every k-space of a ReconData, without copying samples.

    Parameters
    ----------
    recon_data
        Of our own making or of any Gadgetron gadget's.
    encodings
        Those of the MRD header, for a sampling description that is empty.

    Raises
    ------
    RawDataError
        Its arrays have not the dimensions of a ReconData, or do not fit together.
    """
    cells = []
    for number, bit in enumerate(recon_data.bits):
        data, headers = _arrays(bit.data, number)
        for loc, s, n in product(*map(range, data.shape[:3])):
            kspace, encoding, header = _cell(data[loc, s, n], headers[loc, s, n], bit.data.sampling, encodings)
            cells.append(Cell((number, loc, s, n), kspace, encoding, header))
    return cells


def _arrays(buffer: ReconBuffer, bit: int) -> tuple[ComplexArray, NDArray[np.void]]:
    found = f"found data {buffer.dimensions} and headers {buffer.header_dimensions} in bit {bit} of a ReconData"
    if len(buffer.dimensions) != 7 or len(buffer.header_dimensions) != 5:
        raise RawDataError(f"expected data of 7 and headers of 5 dimensions, {found}")
    data, headers = buffer.data_array(), buffer.header_array()
    # Else a few bytes could declare millions of k-spaces, each with nothing in it.
    if not data.size:
        raise RawDataError(f"expected samples in a ReconData, {found}")
    # Headers have neither receivers nor samples, all other axes are the same.
    if data.shape[:3] + data.shape[4:6] != headers.shape:
        raise RawDataError(f"expected headers for each line, partition, N, S and LOC of the data, {found}")
    return data, headers


def _cell(
    data: ComplexArray, headers: NDArray[np.void], sampling: Bytes, encodings: Sequence[Encoding]
) -> tuple[KSpace, Encoding, np.void]:
    # ReconData has a header for every line: one without samples stands where none was acquired.
    acquired = headers["number_of_samples"] > 0
    reversed_lines = acquired & (headers["flags"] & np.uint64(ACQ_IS_REVERSE) > 0)
    first: np.void = headers[acquired][0] if acquired.any() else _no_header()
    encoding, readout_centre = _described(sampling, int(first["encoding_space_ref"]), encodings, data.shape)
    sampled = np.zeros(data.shape[1:], np.bool_)
    if acquired.any():
        told = _columns(headers[acquired], reversed_lines[acquired], data.shape[-1])
        if told is not None:
            sampled[acquired], readout_centre = told
        else:
            sampled[acquired] = True
    kspace = KSpace(
        data=data,
        sampled=sampled,
        indices=_indices(first),
        scan_counter=np.where(acquired, headers["scan_counter"], 0),
        time_stamp=np.where(acquired, headers["acquisition_time_stamp"], 0),
        reversed_lines=reversed_lines,
        centre=(encoding.partitions.centre, encoding.lines.centre, readout_centre),
        is_gridded=encoding.is_cartesian,
    )
    return kspace, encoding, _central_header(headers, acquired, kspace.centre)


def _columns(headers: NDArray[np.void], is_reversed: BoolArray, width: int) -> tuple[BoolArray, int] | None:
    """Tell by their headers which samples readouts have, shape ``(readout, sample)``, and where their centre lies.

    None where a gadget before us has cropped or filled up the readouts, and left the headers.
    """
    n_samples = headers["number_of_samples"].astype(np.int64)
    width_found, centre, start = place_along_readout(n_samples, headers["center_sample"].astype(np.int64), is_reversed)
    if width_found != width:
        return None
    begin = (start + headers["discard_pre"])[:, np.newaxis]
    end = (start + n_samples - headers["discard_post"])[:, np.newaxis]
    columns = np.arange(width)
    return (begin <= columns) & (columns < end), centre


def _described(
    sampling: Bytes, number: int, encodings: Sequence[Encoding], shape: tuple[int, ...]
) -> tuple[Encoding, int]:
    """Read the encoding and the centre sample from a sampling description, else from the MRD header."""
    values = SAMPLING.unpack(sampling)
    matrices = values[6:9], values[9:12]
    known = encodings[number] if number < len(encodings) else None
    # Gadgets that make ReconData of their own may leave the description empty.
    if min(matrices[0]) > 0:
        limits = [Limits(*values[start : start + 3]) for start in (12, 15, 18)]
        described = Encoding(matrices[0], matrices[1], limits[1], limits[2], values[0:3], values[3:6])
        # The description has no room for the trajectory; only the MRD header tells it.
        trajectory = known.trajectory if known is not None else described.trajectory
        return replace(described, trajectory=trajectory), limits[0].centre
    if known is None:
        raise RawDataError(
            f"a ReconData without sampling description names encoding {number}, "
            f"the header has {len(encodings)} encodings"
        )
    # Nothing says where the echo lies: the middle is the best guess.
    return known, shape[-1] // 2


def _indices(header: np.void) -> Indices:
    counters = header["idx"]
    return Indices(encoding=int(header["encoding_space_ref"]), **{name: int(counters[name]) for name in COUNTERS})


def _central_header(headers: NDArray[np.void], acquired: NDArray[np.bool_], centre: tuple[int, int, int]) -> np.void:
    places = np.argwhere(acquired)
    if not len(places):
        return _no_header()
    # The image takes its place and time from this header, and the middle of k-space is what makes most of the image.
    nearest = places[np.abs(places - np.array(centre[:2])).sum(axis=1).argmin()]
    header: np.void = headers[tuple(nearest)]
    return header


def _no_header() -> np.void:
    header: np.void = np.zeros(1, ACQUISITION_HEADER)[0]
    return header


def replace_cells(recon_data: ReconData, changed: Mapping[tuple[int, int, int, int], ComplexArray]) -> ReconData:
    """Give the same ReconData with other samples in some of its cells; all else stays as it came.

    Parameters
    ----------
    recon_data
        As it came.
    changed
        New samples by the cell's place, shape ``(coil, kz, ky, kx)``.
    """
    bits = list(recon_data.bits)
    for number in {place[0] for place in changed}:
        here = {place[1:]: samples for place, samples in changed.items() if place[0] == number}
        data = bits[number].data.data_array()
        if len(here) == math.prod(data.shape[:3]) == 1:
            # The only cell is the whole bit, which need not be copied.
            (samples,) = here.values()
            data = np.asarray(samples, np.complex64)
        else:
            # The samples are a read-only view of what was received; a bit is copied once, however many of its cells
            # changed.
            data = data.copy()
            for place, changes in here.items():
                data[place] = changes
        bits[number] = replace(bits[number], data=replace(bits[number].data, data=bytes_of(data)))
    return ReconData(tuple(bits))
