"""Synthetic MRD headers, acquisitions and streams, all from explicit numbers and one seed."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import h5py
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype, waveform_header_dtype

from gadgets.kspace import Indices
from gadgets.readout import Encoding, Limits, Readout
from gadgets.wire import Acquisition, Waveform

CONFIG = b'<?xml version="1.0"?>\n<configuration />\n'
CLOSE = struct.pack("<H", 4)
COUNTERS = ("slice", "contrast", "phase", "repetition", "set", "average")


def encoding(n_lines=8, n_samples=16, n_partitions=1, recon_x=None, acceleration=1, minimum=0, trajectory="cartesian"):
    return Encoding(
        encoded_matrix=(n_samples, n_lines, n_partitions),
        recon_matrix=(recon_x or n_samples, n_lines, n_partitions),
        lines=Limits(minimum, n_lines // 2, n_lines - 1),
        partitions=Limits(0, n_partitions // 2, n_partitions - 1),
        encoded_fov=(512.0, 256.0, 5.0),
        recon_fov=(256.0, 256.0, 5.0),
        acceleration=(acceleration, 1),
        trajectory=trajectory,
    )


def readout(line=0, partition=0, n_samples=16, n_coils=2, seed=0, centre=None, flags=0, discarded=(0, 0), **counters):
    generator = np.random.default_rng([seed, line, partition])
    data = generator.normal(size=(n_coils, n_samples)) + 1j * generator.normal(size=(n_coils, n_samples))
    return Readout(
        data=data.astype(np.complex64),
        indices=Indices(**counters),
        line=line,
        partition=partition,
        centre_sample=n_samples // 2 if centre is None else centre,
        n_discarded=discarded,
        scan_counter=line + 1,
        time_stamp=4 * line,
        flags=flags,
    )


def acquisition(line=0, partition=0, n_samples=16, n_coils=2, flags=0, seed=0, encoding=0, n_trajectory=0, **fields):
    """One acquisition; counters and any header field by name."""
    generator = np.random.default_rng([seed, line, partition])
    header = np.zeros(1, acquisition_header_dtype)
    head = header[0]
    head["version"], head["flags"], head["scan_counter"] = 1, flags, fields.pop("scan_counter", line + 1)
    head["acquisition_time_stamp"] = 4 * line
    head["number_of_samples"], head["active_channels"], head["available_channels"] = n_samples, n_coils, n_coils
    head["center_sample"], head["encoding_space_ref"] = n_samples // 2, encoding
    head["trajectory_dimensions"] = n_trajectory
    head["read_dir"], head["phase_dir"], head["slice_dir"] = np.eye(3)
    head["position"] = (1.0, 2.0, 3.0)
    head["user_int"] = generator.integers(-9, 9, 8)
    head["idx"]["kspace_encode_step_1"], head["idx"]["kspace_encode_step_2"] = line, partition
    for name, value in fields.items():
        if name in COUNTERS:
            head["idx"][name] = value
        else:
            head[name] = value
    trajectory = generator.normal(size=(n_samples, n_trajectory)).astype(np.float32).tobytes()
    samples = generator.normal(size=(2, n_coils, n_samples)).astype(np.float32)
    data = (samples[0] + 1j * samples[1]).astype(np.complex64)
    return Acquisition(header.tobytes(), trajectory, data.tobytes())


def waveform(waveform_id=0, n_samples=5, n_channels=2, scan_counter=0):
    header = np.zeros(1, waveform_header_dtype)
    head = header[0]
    head["version"], head["number_of_samples"], head["channels"] = 1, n_samples, n_channels
    head["waveform_id"], head["scan_counter"] = waveform_id, scan_counter
    return Waveform(header.tobytes(), np.arange(n_samples * n_channels, dtype=np.uint32).tobytes())


def message(item) -> bytes:
    """The bytes of an item, with its id."""
    if isinstance(item, Acquisition):
        return struct.pack("<H", 1008) + item.header + item.trajectory + item.samples
    if isinstance(item, Waveform):
        return struct.pack("<H", 1026) + item.header + item.samples
    return bytes(item)


def stream(items: Iterable, header: bytes, config: bytes = CONFIG, close: bytes = CLOSE) -> bytes:
    """What a node receives: configuration, header, items and CLOSE."""
    return b"".join([head(config, header), *map(message, items), close])


def head(config: bytes, header: bytes) -> bytes:
    return b"".join(struct.pack("<HI", message_id, len(text)) + text for message_id, text in ((2, config), (3, header)))


def configuration(**properties) -> bytes:
    elements = "".join(f'<property name="{name}" value="{value}"/>' for name, value in properties.items())
    return f'<?xml version="1.0"?>\n<configuration>{elements}</configuration>\n'.encode()


def _space(matrix, field_of_view) -> str:
    x, y, z = matrix
    a, b, c = field_of_view
    return (
        f"<matrixSize><x>{x}</x><y>{y}</y><z>{z}</z></matrixSize>"
        f"<fieldOfView_mm><x>{a}</x><y>{b}</y><z>{c}</z></fieldOfView_mm>"
    )


def _limit(name, limits) -> str:
    values = f"<minimum>{limits.minimum}</minimum><maximum>{limits.maximum}</maximum><center>{limits.centre}</center>"
    return f"<{name}>{values}</{name}>"


def header_xml(encodings: Sequence[Encoding]) -> bytes:
    """An MRD header with these encodings."""
    blocks = []
    for item in encodings:
        blocks.append(
            f"<encoding><encodedSpace>{_space(item.encoded_matrix, item.encoded_fov)}</encodedSpace>"
            f"<reconSpace>{_space(item.recon_matrix, item.recon_fov)}</reconSpace><encodingLimits>"
            f"{_limit('kspace_encoding_step_1', item.lines)}{_limit('kspace_encoding_step_2', item.partitions)}"
            f"</encodingLimits><trajectory>{item.trajectory}</trajectory>"
            f"<parallelImaging><accelerationFactor><kspace_encoding_step_1>{item.acceleration[0]}"
            f"</kspace_encoding_step_1><kspace_encoding_step_2>{item.acceleration[1]}</kspace_encoding_step_2>"
            "</accelerationFactor></parallelImaging></encoding>"
        )
    return (
        '<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
        "<experimentalConditions><H1resonanceFrequency_Hz>63500000</H1resonanceFrequency_Hz>"
        f"</experimentalConditions>{''.join(blocks)}</ismrmrdHeader>"
    ).encode()


def raw_file_items(path) -> tuple[bytes, list[Acquisition]]:
    """Header and acquisitions of a raw file."""
    with h5py.File(path, "r") as file:
        xml = file["dataset/xml"][0]
        rows = file["dataset/data"][:]
    items = [Acquisition(row["head"].tobytes(), row["traj"].tobytes(), row["data"].tobytes()) for row in rows]
    return xml, items
