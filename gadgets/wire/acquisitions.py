"""Acquisitions: header, trajectory and samples as they came, read and written in bulk."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype
from numpy.typing import NDArray

from gadgets.arrays import ComplexArray
from gadgets.indices import Indices
from gadgets.kspace import Readout
from gadgets.wire.outgoing import Bytes
from gadgets.wire.transport import MESSAGE_ID, Transport

# Message ids, here and in the modules beside this one, are those of Gadgetron's protocol.
ACQUISITION = 1008
ACQUISITION_HEADER: np.dtype[np.void] = acquisition_header_dtype
_ID = MESSAGE_ID.pack(ACQUISITION)
HEADER_BYTES = ACQUISITION_HEADER.itemsize
_USER_INT = 276  # where the eight integers of the site's own begin

# The fields below at their offsets in the packed header, everything between skipped.
_FIELDS = struct.Struct("<2xQ4xII12xH2xH128xHHHHH64xHHHHHHHH82x")


class Fields(NamedTuple):
    """The fields of an acquisition header that despark looks at, named as in MRD."""

    flags: int
    scan_counter: int
    acquisition_time_stamp: int
    number_of_samples: int
    active_channels: int
    discard_pre: int
    discard_post: int
    center_sample: int
    encoding_space_ref: int
    trajectory_dimensions: int
    kspace_encode_step_1: int
    kspace_encode_step_2: int
    average: int
    slice: int
    contrast: int
    phase: int
    repetition: int
    set: int


class Acquisition:
    """One acquisition as it came; what is not replaced goes out byte for byte.

    Attributes
    ----------
    header, trajectory, samples
        Their bytes.
    fields
        What of the header is looked at.
    """

    __slots__ = ("fields", "header", "samples", "trajectory")

    def __init__(self, header: Bytes, trajectory: Bytes, samples: Bytes) -> None:
        self.header = header
        self.trajectory = trajectory
        self.samples = samples
        # By struct: a scan has tens of thousands of headers, and fields of a NumPy record are slow to read one by one.
        self.fields = Fields._make(_FIELDS.unpack(header))

    @property
    def data(self) -> ComplexArray:
        """Samples, shape ``(coil, kx)``; a view of the bytes."""
        fields = self.fields
        samples: NDArray[np.complex64] = np.frombuffer(self.samples, np.complex64)
        return samples.reshape(fields.active_channels, fields.number_of_samples)

    @property
    def indices(self) -> Indices:
        """Which k-space it belongs to."""
        # The counters are the last fields, after the two places.
        return _indices(self.fields.encoding_space_ref, *self.fields[-6:])

    def with_data(self, data: ComplexArray) -> Acquisition:
        """Give the same acquisition with other samples, shape ``(coil, kx)``."""
        return Acquisition(self.header, self.trajectory, np.ascontiguousarray(data, np.complex64).tobytes())

    def with_user_int(self, index: int, value: int) -> Acquisition:
        """Give the same acquisition with another value in one of the eight free fields of its header."""
        header = bytearray(self.header)
        struct.pack_into("<i", header, _USER_INT + 4 * index, value)
        return Acquisition(bytes(header), self.trajectory, self.samples)

    def readout(self, source: object = None, line: int | None = None) -> Readout:
        """Give the readout that it holds, at its own place or, where one is given, on another line."""
        fields = self.fields
        return Readout(
            data=self.data,
            indices=self.indices,
            line=fields.kspace_encode_step_1 if line is None else line,
            # Without a place of its own a readout only has a number in time; such readouts share one partition.
            partition=fields.kspace_encode_step_2 if line is None else 0,
            centre_sample=fields.center_sample,
            n_discarded=(fields.discard_pre, fields.discard_post),
            scan_counter=fields.scan_counter,
            time_stamp=fields.acquisition_time_stamp,
            flags=fields.flags,
            source=self if source is None else source,
        )


@lru_cache(maxsize=256)
def _indices(
    encoding: int, average: int, slice_: int, contrast: int, phase: int, repetition: int, set_: int
) -> Indices:
    """Give the readouts of a k-space one object, which is quicker than to make and to compare many."""
    return Indices(
        encoding=encoding,
        slice=slice_,
        contrast=contrast,
        phase=phase,
        repetition=repetition,
        set=set_,
        average=average,
    )


def read_acquisition(source: Transport) -> Acquisition:
    """Read an acquisition; its id has been read."""
    header = source.read(HEADER_BYTES)
    fields = Fields._make(_FIELDS.unpack(header))
    n_samples, n_axes = fields.number_of_samples, fields.trajectory_dimensions
    # The order on the wire is header, trajectory, samples: float32 per axis, then complex64 per receiver.
    trajectory = source.read(4 * n_samples * n_axes) if n_axes else b""
    return Acquisition(header, trajectory, source.read(8 * n_samples * fields.active_channels))


def write_acquisition(destination: Transport, acquisition: Acquisition) -> None:
    """Write an acquisition with its id."""
    # Not flushed, because acquisitions are small and many: they are gathered until the node has to wait for input.
    destination.write(_ID, acquisition.header, acquisition.trajectory, acquisition.samples)
