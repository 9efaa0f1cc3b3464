"""From an assembled k-space to the ReconData that carries it; a header without samples marks what was not acquired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gadgets.errors import RawDataError
from gadgets.kspace import AcquiredKSpace, Encoding, Limits, place_readouts
from gadgets.wire.acquisitions import ACQUISITION_HEADER, Acquisition
from gadgets.wire.outgoing import Bytes
from gadgets.wire.recon_data import SAMPLING, ReconBit, ReconBuffer, ReconData, shape_of
from gadgets.wire.transport import PRESENT, bytes_of

MOST = (1 << 16) - 1
"""That a ReconData can say of a matrix or a limit, in 16 bits."""


def recon_data_of(acquired: AcquiredKSpace, encoding: Encoding) -> ReconData:
    """Make the ReconData of one assembled k-space; its readouts must come from acquisitions.

    Raises
    ------
    RawDataError
        A matrix or limit of the encoding is larger than ReconData can say.
    """
    kspace = acquired.kspace
    n_coils, n_partitions, n_lines, width = kspace.data.shape
    acquisitions = [readout.source for readout in acquired.readouts if isinstance(readout.source, Acquisition)]
    # Zero where nothing was acquired: a header of no samples is what tells the nodes behind.
    headers = np.zeros((n_partitions, n_lines), ACQUISITION_HEADER)
    partitions = [readout.partition for readout in acquired.readouts]
    lines = [readout.line for readout in acquired.readouts]
    # All headers in one assignment. Where two readouts have one place the last one counts, as for the samples.
    content = b"".join(acquisition.header for acquisition in acquisitions)
    headers[partitions, lines] = np.frombuffer(content, ACQUISITION_HEADER)
    readout_limits = Limits(0, kspace.centre[2], width - 1)
    limits = [
        value
        for limit in (readout_limits, encoding.lines, encoding.partitions)
        for value in (limit.minimum, limit.centre, limit.maximum)
    ]
    sizes = (*encoding.encoded_matrix, *encoding.recon_matrix, *limits)
    if max(sizes) > MOST:
        raise RawDataError(f"expected matrices and limits of at most {MOST}, found {max(sizes)}")
    sampling = SAMPLING.pack(*encoding.encoded_fov, *encoding.recon_fov, *sizes)
    data = bytes_of(kspace.data)
    buffer = ReconBuffer(
        # The first dimension is the fastest on the wire, so the samples go out as they lie in memory.
        dimensions=(width, n_lines, n_partitions, n_coils, 1, 1, 1),
        data=data,
        extras=(*_trajectory_of(acquired, acquisitions), PRESENT.pack(False)),
        header_dimensions=(n_lines, n_partitions, 1, 1, 1),
        headers=headers.tobytes(),
        sampling=sampling,
    )
    return ReconData((ReconBit(buffer),))


def _trajectory_of(acquired: AcquiredKSpace, acquisitions: Sequence[Acquisition]) -> tuple[Bytes, ...]:
    """Give the trajectory ``[TRAJ, E0, E1, E2, 1, 1, 1]`` as on the wire, where all acquisitions carry one."""
    n_dimensions = {acquisition.fields.trajectory_dimensions for acquisition in acquisitions}
    # One array holds all of them: readouts with and without a trajectory do not fit into it together.
    if len(n_dimensions) != 1 or n_dimensions == {0}:
        return (PRESENT.pack(False),)
    (n_trajectory,) = n_dimensions
    n_partitions, n_lines, width = acquired.kspace.sampled.shape
    trajectory = np.zeros((n_partitions, n_lines, width, n_trajectory), np.float32)
    _, _, starts = place_readouts(acquired.readouts)
    for readout, acquisition, start in zip(acquired.readouts, acquisitions, starts, strict=True):
        row = np.frombuffer(acquisition.trajectory, np.float32).reshape(-1, n_trajectory)
        trajectory[readout.partition, readout.line, start : start + len(row)] = row
    shape = shape_of((n_trajectory, width, n_lines, n_partitions, 1, 1, 1))
    return PRESENT.pack(True), shape, bytes_of(trajectory)
