"""One readout of a Siemens raw file as an MRD acquisition."""

from __future__ import annotations

from typing import Any

import ismrmrd
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype

from gadgets.arrays import FloatArray
from pipelines.files.raw_items import RawAcquisition

FLAGS = {
    "FIRSTSCANINSLICE": ismrmrd.ACQ_FIRST_IN_SLICE,
    "LASTSCANINSLICE": ismrmrd.ACQ_LAST_IN_SLICE,
    "LASTSCANINMEAS": ismrmrd.ACQ_LAST_IN_MEASUREMENT,
    "NOISEADJSCAN": ismrmrd.ACQ_IS_NOISE_MEASUREMENT,
    "REFLECT": ismrmrd.ACQ_IS_REVERSE,
    "PHASCOR": ismrmrd.ACQ_IS_PHASECORR_DATA,
    "PATREFSCAN": ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,
    "PATREFANDIMASCAN": ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING,
    "RTFEEDBACK": ismrmrd.ACQ_IS_RTFEEDBACK_DATA,
    "HPFEEDBACK": ismrmrd.ACQ_IS_HPFEEDBACK_DATA,
    "RETRO_DUMMYSCAN": ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
}
"""Marks of a readout that MRD has, too; MRD counts them from 1."""

COUNTERS = {
    "kspace_encode_step_1": "Lin",
    "kspace_encode_step_2": "Par",
    "average": "Ave",
    "slice": "Sli",
    "contrast": "Eco",
    "phase": "Phs",
    "repetition": "Rep",
    "set": "Set",
    "segment": "Seg",
}
# MRD's mask of the receivers is a row of numbers of 64 bits.
CHANNELS_PER_WORD = 64


def acquisition(block: Any) -> RawAcquisition:  # noqa: ANN401 - twixtools is untyped
    """Convert a readout: all counters and marks that both know, samples unchanged."""
    header, samples = block.mdh, np.ascontiguousarray(block.data, np.complex64)
    n_channels, n_samples = samples.shape
    head = np.zeros(1, acquisition_header_dtype)
    row = head[0]
    # Without its sign, as MRD's number has none.
    row["version"], row["measurement_uid"], row["scan_counter"] = 1, abs(header.MeasUID), header.ScanCounter
    row["flags"] = sum(1 << (mark - 1) for name, mark in FLAGS.items() if block.is_flag_set(name))
    row["acquisition_time_stamp"], row["physiology_time_stamp"][0] = header.TimeStamp, header.PMUTimeStamp
    row["number_of_samples"], row["center_sample"] = n_samples, header.CenterCol
    row["available_channels"] = row["active_channels"] = n_channels
    for word in range(-(-n_channels // CHANNELS_PER_WORD)):
        row["channel_mask"][word] = (1 << min(n_channels - word * CHANNELS_PER_WORD, CHANNELS_PER_WORD)) - 1
    row["discard_pre"], row["discard_post"] = header.CutOff.Pre, header.CutOff.Post
    for ours, theirs in COUNTERS.items():
        row["idx"][ours] = getattr(header.Counter, theirs)
    place = header.SliceData
    row["position"] = place.SlicePos.Sag, place.SlicePos.Cor, place.SlicePos.Tra
    row["phase_dir"], row["read_dir"], row["slice_dir"] = directions(place.Quaternion)
    return RawAcquisition(head.tobytes(), np.zeros((n_samples, 0), np.float32), samples)


def directions(quaternion: FloatArray) -> FloatArray:
    """Give the directions of phase, readout and slice, one per row, of a quaternion with its scalar part first."""
    w, x, y, z = (float(part) for part in quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
