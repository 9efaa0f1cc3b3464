"""ReconData: assembled k-spaces with the headers of their readouts.

Arrays lie on the wire with their first dimension fastest, so data ``[E0, E1, E2, CHA, N, S, LOC]`` is, without a
copy, a C-ordered array ``(LOC, S, N, coil, kz, ky, kx)``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray
from gadgets.errors import WireError
from gadgets.wire.acquisitions import ACQUISITION_HEADER, HEADER_BYTES
from gadgets.wire.capture import Capture
from gadgets.wire.outgoing import Bytes
from gadgets.wire.transport import COUNT, MESSAGE_ID, PRESENT, Transport

RECON_DATA = 1023
_ID = MESSAGE_ID.pack(RECON_DATA)
# There is one bit per encoding; a damaged count is nearly always far beyond this.
_MAX_BITS = 65536
# The sampling description: two fields of view, two matrices, then minimum, centre and maximum of each axis.
SAMPLING = struct.Struct("<6f15H2x")


@dataclass(frozen=True, eq=False)
class ReconBuffer:
    """One buffer as it came.

    Attributes
    ----------
    dimensions, data
        Those of the samples on the wire, and their bytes (complex64).
    extras
        Trajectory and density as on the wire, each after the byte that says whether it is there.
    header_dimensions, headers
        Those of the headers on the wire, and their bytes.
    sampling
        The bytes of the sampling description.
    """

    dimensions: tuple[int, ...]
    data: Bytes
    extras: tuple[Bytes, ...]
    header_dimensions: tuple[int, ...]
    headers: Bytes
    sampling: Bytes

    def data_array(self) -> ComplexArray:
        """Give the samples, shape ``(LOC, S, N, coil, kz, ky, kx)``; a view."""
        samples: NDArray[np.complex64] = np.frombuffer(self.data, np.complex64)
        return samples.reshape(self.dimensions[::-1])

    def header_array(self) -> NDArray[np.void]:
        """Give the headers, shape ``(LOC, S, N, kz, ky)``; a view with the fields of ``acquisition_header_dtype``."""
        headers: NDArray[np.void] = np.frombuffer(self.headers, ACQUISITION_HEADER)
        return headers.reshape(self.header_dimensions[::-1])


@dataclass(frozen=True, eq=False)
class ReconBit:
    """The data of one encoding and, where parallel imaging has some, its reference."""

    data: ReconBuffer
    reference: ReconBuffer | None = None


@dataclass(frozen=True, eq=False)
class ReconData:
    """One ReconData message."""

    bits: tuple[ReconBit, ...]


def read_recon_data(source: Transport) -> ReconData:
    """Read a ReconData; its id has been read.

    Raises
    ------
    WireError
        A count in it is beyond what a scan can hold.
    """
    n_bits = int(COUNT.unpack(source.read(COUNT.size))[0])
    if n_bits > _MAX_BITS:
        raise WireError(f"expected at most {_MAX_BITS} bits in a ReconData, found {n_bits}")
    return ReconData(tuple(_read_bit(source) for _ in range(n_bits)))


def _read_bit(source: Transport) -> ReconBit:
    data = _read_buffer(source)
    has_reference = PRESENT.unpack(source.read(PRESENT.size))[0]
    return ReconBit(data, _read_buffer(source) if has_reference else None)


def _read_buffer(source: Transport) -> ReconBuffer:
    # Data (complex64), trajectory and density (float32), headers, sampling description: the order is Gadgetron's. Only
    # data and headers are looked at, so they are kept apart from what just passes.
    dimensions, data = Capture(source).array(8)
    extras = Capture(source)
    for _ in ("trajectory", "density"):
        if extras.is_present():
            extras.array(4)
    header_dimensions, headers = Capture(source).array(HEADER_BYTES)
    sampling = source.read(SAMPLING.size)
    return ReconBuffer(dimensions, data, tuple(extras.parts), header_dimensions, headers, sampling)


def write_recon_data(destination: Transport, recon_data: ReconData) -> None:
    """Write a ReconData with its id."""
    destination.write(_ID, COUNT.pack(len(recon_data.bits)))
    for bit in recon_data.bits:
        _write_buffer(destination, bit.data)
        destination.write(PRESENT.pack(bit.reference is not None))
        if bit.reference is not None:
            _write_buffer(destination, bit.reference)
    # The next node can begin with it while this one works on what follows.
    destination.flush()


def _write_buffer(destination: Transport, buffer: ReconBuffer) -> None:
    destination.write(shape_of(buffer.dimensions), buffer.data, *buffer.extras)
    destination.write(shape_of(buffer.header_dimensions), buffer.headers, buffer.sampling)


def shape_of(dimensions: Sequence[int]) -> bytes:
    """Write the dimensions of an array as they stand before it on the wire."""
    return struct.pack(f"<{1 + len(dimensions)}Q", len(dimensions), *dimensions)
