"""A Siemens raw file that never was: written by twixtools, with a protocol of the few values that are read."""

from __future__ import annotations

import struct

import numpy as np

PROTOCOL = """### ASCCONV BEGIN ###
tProtocolName = ""gre&more""
alTR[0] = 25000
alTE[0] = 4600
adFlipAngleDegree[0] = 15
sKSpace.lBaseResolution = 16
sKSpace.lPhaseEncodingLines = 16
sKSpace.lPartitions = 1
sKSpace.ucDimension = 0x2
sSliceArray.asSlice[0].dReadoutFOV = 240
sSliceArray.asSlice[0].dPhaseFOV = 230
sSliceArray.asSlice[0].dThickness = 5
### ASCCONV END ###
"""
DICOM = """<ParamString."ManufacturersModelName"> { "Prisma" } <ParamDouble."flMagneticFieldStrength"> { 3.0 }
<ParamLong."lFrequency"> { 123250000 }
"""


def protocol_bytes():
    buffers = b"".join(
        name + b"\0" + struct.pack("<I", len(text)) + text.encode()
        for name, text in ((b"MeasYaps", PROTOCOL), (b"Dicom", DICOM))
    )
    length = -(-(8 + len(buffers)) // 32) * 32
    return np.frombuffer((struct.pack("<II", length, 2) + buffers).ljust(length, b"\0"), "S1")


def block(samples, *flags, quaternion=(1, 0, 0, 0), position=(0, 0, 0), **counters):
    from twixtools.mdb import Mdb_local

    made = Mdb_local(samples)
    for flag in flags:
        made.add_flag(flag)
    for name, value in counters.items():
        setattr(made.mdh.Counter, name, value)
    made.mdh.CenterCol, made.mdh.CenterLin, made.mdh.TimeStamp = samples.shape[1] // 2, 8, 1000 + counters.get("Lin", 0)
    made.mdh.SliceData.Quaternion[:] = quaternion
    slice_position = made.mdh.SliceData.SlicePos
    slice_position.Sag, slice_position.Cor, slice_position.Tra = position
    return made


def write_twix_file(path, n_lines=16, n_channels=3, **options):
    """A noise scan and a slice; gives the samples of the slice, shape (coil, line, sample)."""
    import twixtools

    rng = np.random.default_rng(0)
    samples = (
        rng.normal(size=(n_channels, n_lines + 1, 32)) + 1j * rng.normal(size=(n_channels, n_lines + 1, 32))
    ).astype(np.complex64)
    blocks = [block(samples[:, n_lines], "NOISEADJSCAN")]
    for line in range(n_lines):
        flags = ["REFLECT"] * (line % 2) + ["LASTSCANINSLICE", "LASTSCANINMEAS"] * (line == n_lines - 1)
        blocks.append(block(samples[:, line], *flags, Lin=line, **options))
    twixtools.write_twix([{"hdr_str": protocol_bytes(), "mdb": blocks}], str(path))
    return samples[:, :n_lines]
