"""What a raw file and a stream consist of: acquisitions and waveforms, with the bytes of their headers kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import ismrmrd
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, waveform_header_dtype
from numpy.typing import NDArray

from gadgets.errors import WireError

ACQUISITION_HEADER_BYTES: int = acquisition_header_dtype.itemsize
WAVEFORM_HEADER_BYTES: int = waveform_header_dtype.itemsize


@dataclass(frozen=True, eq=False)
class RawAcquisition:
    """One readout as it was recorded.

    Attributes
    ----------
    header
        The 340 bytes of the MRD acquisition header.
    trajectory
        Shape ``(kx, dimensions)``, float32.
    data
        Samples, shape ``(coil, kx)``, complex64.
    """

    header: bytes
    trajectory: NDArray[np.float32]
    data: NDArray[np.complex64]

    @cached_property
    def fields(self) -> np.void:
        """The header's fields by name, read-only: ``fields["scan_counter"]``, ``fields["idx"]["slice"]``."""
        # A view: what goes on is always the header as it came.
        row: np.void = np.frombuffer(self.header, dtype=acquisition_header_dtype)[0]
        return row

    def to_bytes(self) -> bytes:
        """Return the acquisition as it stands in a message, without the message id."""
        return self.header + self.trajectory.tobytes() + self.data.tobytes()

    def to_ismrmrd(self) -> ismrmrd.Acquisition:
        """Return it as the ``ismrmrd`` package's type."""
        return ismrmrd.Acquisition.from_bytes(self.to_bytes())

    @classmethod
    def from_bytes(cls, body: bytes) -> RawAcquisition:
        """Read an acquisition from a message's body.

        Raises
        ------
        WireError
            The body is shorter or longer than its header says.
        """
        fields = np.frombuffer(body, dtype=acquisition_header_dtype, count=1)[0]
        samples, coils, dimensions = acquisition_shape(fields)
        # The trajectory comes before the samples, as in the message.
        n_trajectory = 4 * samples * dimensions
        expected = ACQUISITION_HEADER_BYTES + n_trajectory + 8 * samples * coils
        if len(body) != expected:
            raise WireError(f"acquisition: expected {expected} bytes by its header, found {len(body)}")
        # Views of the message: samples are not copied on their way to the file.
        trajectory = np.frombuffer(body, np.float32, samples * dimensions, ACQUISITION_HEADER_BYTES)
        data = np.frombuffer(body, np.complex64, samples * coils, ACQUISITION_HEADER_BYTES + n_trajectory)
        return cls(
            body[:ACQUISITION_HEADER_BYTES], trajectory.reshape(samples, dimensions), data.reshape(coils, samples)
        )


def acquisition_shape(fields: np.void) -> tuple[int, int, int]:
    """Return samples, receivers and trajectory dimensions that an acquisition header declares."""
    return int(fields["number_of_samples"]), int(fields["active_channels"]), int(fields["trajectory_dimensions"])


@dataclass(frozen=True, eq=False)
class RawWaveform:
    """One piece of a physiological or custom waveform.

    Attributes
    ----------
    header
        The 40 bytes of the MRD waveform header.
    data
        Values, shape ``(channels, samples)``, uint32.
    """

    header: bytes
    data: NDArray[np.uint32]

    @cached_property
    def fields(self) -> np.void:
        """The header's fields by name, read-only."""
        row: np.void = np.frombuffer(self.header, dtype=waveform_header_dtype)[0]
        return row

    def to_bytes(self) -> bytes:
        """Return the waveform as it stands in a message, without the message id."""
        return self.header + self.data.tobytes()

    @classmethod
    def from_bytes(cls, body: bytes) -> RawWaveform:
        """Read a waveform from a message's body.

        Raises
        ------
        WireError
            The body is shorter or longer than its header says.
        """
        fields = np.frombuffer(body, dtype=waveform_header_dtype, count=1)[0]
        shape = int(fields["channels"]), int(fields["number_of_samples"])
        expected = WAVEFORM_HEADER_BYTES + 4 * shape[0] * shape[1]
        if len(body) != expected:
            raise WireError(f"waveform: expected {expected} bytes by its header, found {len(body)}")
        return cls(
            body[:WAVEFORM_HEADER_BYTES], np.frombuffer(body, np.uint32, -1, WAVEFORM_HEADER_BYTES).reshape(shape)
        )


RawItem = RawAcquisition | RawWaveform
