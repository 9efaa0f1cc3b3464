"""Small scans of MRD version 2, as items and as streams. Needs the package ``mrd-python``."""

from __future__ import annotations

import io

import mrd
import numpy as np

N_LINES, N_SAMPLES = 32, 64


def acquisition(line, n_coils=4, **fields):
    generator = np.random.default_rng(line)
    data = generator.normal(size=(2, n_coils, N_SAMPLES)).astype(np.float32)
    head = mrd.AcquisitionHeader(idx=mrd.EncodingCounters(kspace_encode_step_1=line, slice=1), scan_counter=line + 1)
    head.user_int, head.channel_order = [line, -1], list(range(n_coils))
    for name, value in fields.items():
        setattr(head, name, value)
    return mrd.Acquisition(head=head, data=(data[0] + 1j * data[1]).astype(np.complex64))


def space(x, y, z, fov):
    return mrd.EncodingSpaceType(
        matrix_size=mrd.MatrixSizeType(x=x, y=y, z=z), field_of_view_mm=mrd.FieldOfViewMm(x=fov, y=256.0, z=5.0)
    )


def make_header(n_lines=8, n_samples=16, **fields):
    limits = mrd.EncodingLimitsType(
        kspace_encoding_step_1=mrd.LimitType(minimum=0, maximum=n_lines - 1, center=n_lines // 2),
        slice=mrd.LimitType(minimum=0, maximum=2, center=0),
    )
    encoding = mrd.EncodingType(
        encoded_space=space(n_samples, n_lines, 1, 512.0),
        recon_space=space(n_samples // 2, n_lines, 1, 256.0),
        encoding_limits=limits,
        **fields,
    )
    return mrd.Header(encoding=[encoding])


def scan():
    """Lines, and waveforms in front, between and behind."""
    wave = mrd.StreamItem.WaveformUint32(mrd.Waveform(waveform_id=7, data=np.arange(6, dtype=np.uint32).reshape(2, 3)))
    lines = [mrd.StreamItem.Acquisition(acquisition(line)) for line in range(N_LINES)]
    return [wave, *lines[:5], wave, wave, *lines[5:], wave]


def to_bytes(items, header=None):
    stream = io.BytesIO()
    with mrd.BinaryMrdWriter(stream) as writer:
        writer.write_header(make_header(N_LINES, N_SAMPLES) if header is None else header)
        writer.write_data(items)
    return stream.getvalue()


def from_bytes(content):
    with mrd.BinaryMrdReader(io.BytesIO(content)) as reader:
        return reader.read_header(), list(reader.read_data())
