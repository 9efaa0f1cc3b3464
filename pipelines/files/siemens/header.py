"""The protocol of a Siemens raw file as an MRD header: what despark and a reconstruction need of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any
from xml.sax.saxutils import escape

from gadgets.outside import printable, whole_number
from pipelines.files.siemens.readouts import COUNTERS

Protocol = Mapping[str, Any]
NOT_IMAGING = ("NOISEADJSCAN", "PHASCOR", "PATREFSCAN", "RTFEEDBACK", "HPFEEDBACK", "RETRO_DUMMYSCAN")
LIMITS = {name.replace("encode", "encoding"): counter for name, counter in COUNTERS.items()}
"""Siemens' names of counters, by those that a header has for their limits: it says "encoding", readouts "encode"."""

LARGEST_MATRIX = 65535
"""As large as MRD can tell."""

LONGEST_MM = 1e5
"""No field of view is longer than a magnet."""

POSITIONS = ("HFP", "HFS", "HFDR", "HFDL", "FFP", "FFS", "FFDR", "FFDL")

VOLUME = 4
"""Siemens' number for a 3D acquisition."""


@dataclass
class Extent:
    """What the imaging readouts of a file span.

    Attributes
    ----------
    n_readouts
        Of all kinds.
    n_samples, n_channels
        Of the longest imaging readout.
    most
        The largest of every counter, by Siemens' name.
    centre
        Line and partition of the centre of k-space.
    """

    n_readouts: int = 0
    n_samples: int = 0
    n_channels: int = 0
    most: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS.values(), 0))
    centre: dict[str, int] = field(default_factory=dict)

    def add(self, block: Any) -> None:  # noqa: ANN401 - twixtools is untyped
        """Count a readout."""
        self.n_readouts += 1
        # Calibration lines and the like may lie outside of the image's k-space, and would widen its limits.
        if any(block.is_flag_set(name) for name in NOT_IMAGING):
            return
        header = block.mdh
        self.n_samples = max(self.n_samples, header.SamplesInScan)
        self.n_channels = max(self.n_channels, header.UsedChannels)
        for name in self.most:
            self.most[name] = max(self.most[name], getattr(header.Counter, name))
        # The last one stays: all imaging readouts of a scan are taken to have the same.
        self.centre = {"Lin": header.CenterLin, "Par": header.CenterPar}


def header_xml(protocol: Protocol, extent: Extent) -> bytes:
    """Write the MRD header."""
    matrix, field_of_view = _spaces(protocol, extent)
    position = _found(protocol, "Meas.tPatientPosition")
    limits = "".join(
        f"<{name}><minimum>0</minimum><maximum>{extent.most[counter]}</maximum>"
        f"<center>{extent.centre.get(counter, 0)}</center></{name}>"
        for name, counter in LIMITS.items()
    )
    spaces = "".join(
        f"<{name}><matrixSize><x>{x}</x><y>{matrix[1]}</y><z>{matrix[2]}</z></matrixSize><fieldOfView_mm><x>{fov}</x>"
        f"<y>{field_of_view[1]}</y><z>{field_of_view[2]}</z></fieldOfView_mm></{name}>"
        for name, x, fov in (
            ("encodedSpace", extent.n_samples or matrix[0], field_of_view[0] * _oversampling(matrix[0], extent)),
            ("reconSpace", matrix[0], field_of_view[0]),
        )
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <measurementInformation>
    <patientPosition>{position if position in POSITIONS else "HFS"}</patientPosition>
    <protocolName>{_text(protocol, "MeasYaps.tProtocolName", "unknown")}</protocolName>
  </measurementInformation>
  <acquisitionSystemInformation>
    <systemVendor>{_text(protocol, "Dicom.Manufacturer", "SIEMENS")}</systemVendor>
    <systemModel>{_text(protocol, "Dicom.ManufacturersModelName", "unknown")}</systemModel>
    <systemFieldStrength_T>{_number(protocol, "Dicom.flMagneticFieldStrength")}</systemFieldStrength_T>
    <receiverChannels>{extent.n_channels}</receiverChannels>
  </acquisitionSystemInformation>
  <experimentalConditions>
    <H1resonanceFrequency_Hz>{int(_number(protocol, "Dicom.lFrequency"))}</H1resonanceFrequency_Hz>
  </experimentalConditions>
  <encoding>{spaces}<encodingLimits>{limits}</encodingLimits><trajectory>cartesian</trajectory></encoding>
  <sequenceParameters>
    <TR>{_number(protocol, "MeasYaps.alTR.0") / 1000}</TR>
    <TE>{_number(protocol, "MeasYaps.alTE.0") / 1000}</TE>
    <flipAngle_deg>{_number(protocol, "MeasYaps.adFlipAngleDegree.0")}</flipAngle_deg>
  </sequenceParameters>
</ismrmrdHeader>
""".encode()


def _spaces(protocol: Protocol, extent: Extent) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    """Give the matrix that is reconstructed and its field of view in mm."""
    is_volume = _number(protocol, "MeasYaps.sKSpace.ucDimension") == VOLUME
    lines = _size(protocol, "lPhaseEncodingLines", extent.most["Lin"] + 1)
    partitions = _size(protocol, "lPartitions", extent.most["Par"] + 1)
    readout = _size(protocol, "lBaseResolution", extent.n_samples)
    x, y, z = (_length(protocol, name) for name in ("dReadoutFOV", "dPhaseFOV", "dThickness"))
    return (readout, lines, partitions if is_volume else 1), (x, y, z)


def _size(protocol: Protocol, name: str, spanned: int) -> int:
    """Give a size of the matrix; what the readouts span, where the protocol has none that can be."""
    size = int(_number(protocol, f"MeasYaps.sKSpace.{name}"))
    return size if 1 <= size <= LARGEST_MATRIX else min(max(spanned, 1), LARGEST_MATRIX)


def _length(protocol: Protocol, name: str) -> float:
    length = _number(protocol, f"MeasYaps.sSliceArray.asSlice.0.{name}")
    return length if 0 < length <= LONGEST_MM else 1.0


def _oversampling(n_kept: int, extent: Extent) -> float:
    return extent.n_samples / n_kept if n_kept and extent.n_samples else 1.0


def _found(protocol: Protocol, path: str) -> Any:  # noqa: ANN401 - as the protocol has it
    """Give what the protocol holds below a path with dots, None where any part of it is absent."""
    return reduce(_below, path.split("."), protocol)


def _below(part: Any, name: str) -> Any:  # noqa: ANN401 - as the protocol has it
    if isinstance(part, Mapping):
        return part.get(name)
    place = whole_number(name)
    if isinstance(part, list | tuple) and place is not None and place < len(part):
        return part[place]
    return None


def _text(protocol: Protocol, path: str, otherwise: str) -> str:
    """Give a text of the protocol, as XML can hold it."""
    return escape(printable(str(_found(protocol, path) or otherwise)))


def _number(protocol: Protocol, path: str) -> float:
    """Give a number of the protocol, 0 where there is none."""
    found = _found(protocol, path)
    try:
        number = float(found)
    except (TypeError, ValueError):
        return 0.0
    return number if math.isfinite(number) else 0.0
