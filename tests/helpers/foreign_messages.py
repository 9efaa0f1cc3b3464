"""Messages as other gadgets send them: images, buckets, and ReconData with all that ours lack."""

from __future__ import annotations

import struct

import numpy as np
from helpers.builders import acquisition, waveform
from ismrmrd.hdf5 import image_header_dtype

META = "<ismrmrdMeta><meta><name>despark_points_found</name><value>7</value></meta></ismrmrdMeta>"
TYPES = {1: "<u2", 2: "<i2", 3: "<u4", 4: "<i4", 5: "<f4", 6: "<f8", 7: "<c8", 8: "<c16"}


def u64(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


def image_array(n_waveforms: int = 2) -> bytes:
    """An image array with meta data, waveforms and acquisition headers."""
    data = u64(6, 4, 3, 1, 1, 1, 1) + bytes(8 * 12)
    headers = u64(3, 1, 1, 1) + bytes(198)
    meta = u64(2, 3) + b"abc" + u64(0)
    waves = b"\x01" + u64(n_waveforms) + (waveform().header + waveform().samples) * n_waveforms
    acquisitions = b"\x01" + u64(5, 2, 1, 1, 1, 1) + bytes(680)
    return struct.pack("<H", 1024) + data + headers + meta + waves + acquisitions


def bucket() -> bytes:
    sizes = u64(1, 340, 64, 0, 1, 340, 64, 8, 224, 8, 1, 40, 40)
    return struct.pack("<H", 1050) + sizes + bytes(340 + 64 + 340 + 64 + 8 + 224 + 8 + 40 + 40)


def image(data_type: int = 5) -> bytes:
    header = bytearray(198)
    struct.pack_into("<HH", header, 0, 1, data_type)
    struct.pack_into("<HHH", header, 16, 4, 3, 2)
    struct.pack_into("<H", header, 34, 1)
    pixel_bytes = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 8, 7: 8, 8: 16}.get(data_type, 1)
    return struct.pack("<H", 1022) + bytes(header) + u64(5) + b"<a/>\n" + bytes(24 * pixel_bytes)


def recon_data(n_bits: int = 2, reference: bool = True, n_n: int = 2, n_loc: int = 3, trajectory: bool = True) -> bytes:
    """A ReconData as other gadgets make them: several bits, references, N and LOC, trajectory and density."""
    generator = np.random.default_rng(3)

    def buffer() -> bytes:
        shape = (8, 4, 1, 2, n_n, 1, n_loc)
        samples = generator.normal(size=2 * int(np.prod(shape))).astype(np.float32)
        data = u64(7, *shape) + samples.tobytes()
        optional = b"\x01" + u64(2, 3, 5) + bytes(60) if trajectory else b"\x00"
        heads = [
            acquisition(line % 4, n_samples=8, n_coils=2, repetition=line // 4).header if line % 4 != 3 else bytes(340)
            for line in range(4 * n_n * n_loc)
        ]
        sampling = struct.pack("<6f15H2x", *[9.0] * 6, 8, 4, 1, 8, 4, 1, 0, 4, 7, 0, 2, 3, 0, 0, 0)
        return data + optional + b"\x00" + u64(5, 4, 1, n_n, 1, n_loc) + b"".join(heads) + sampling

    bit = b"".join([buffer(), b"\x01" + buffer() if reference else b"\x00"])
    return struct.pack("<H", 1023) + u64(n_bits) + bit * n_bits


def image_bytes(shape=(1, 1, 3, 4), data_type=5, series=0, index=1, meta=META) -> bytes:
    """An image message's body; shape is (channel, z, y, x)."""
    header = np.zeros(1, image_header_dtype)
    head = header[0]
    head["version"], head["data_type"], head["channels"] = 1, data_type, shape[0]
    head["matrix_size"], head["image_series_index"], head["image_index"] = shape[:0:-1], series, index
    head["attribute_string_len"] = len(meta.encode())
    data = np.arange(np.prod(shape)).astype(TYPES[data_type])
    return header.tobytes() + struct.pack("<Q", len(meta.encode())) + meta.encode() + data.tobytes()
