"""A scan that never was: what is scanned and how, and what its MRD header says of that."""

from __future__ import annotations

from dataclasses import dataclass

from gadgets.findings import OWN_VENDOR, TICK_S

OVERSAMPLING = 2
"""Of the readout: chains crop it, as they do with what scanners send."""

STAMPS_PER_READOUT = 8
"""Readouts follow each other every 20 ms; a time stamp counts 2.5 ms."""


@dataclass(frozen=True)
class PhantomScan:
    """What is scanned and how.

    ``snr`` is the signal of white matter over the noise in the image of the whole array, about;
    ``field_of_view`` and ``slice_distance`` are in mm.
    """

    matrix: int = 192
    n_coils: int = 8
    n_slices: int = 3
    n_noise: int = 4
    snr: float = 70.0
    field_of_view: float = 220.0
    slice_distance: float = 18.0
    seed: int = 0

    @property
    def n_samples(self) -> int:
        """Samples per readout, oversampling included."""
        return OVERSAMPLING * self.matrix


def header_xml(scan: PhantomScan) -> bytes:
    """Write the MRD header; without a version, which a Gadgetron of another version would refuse."""
    # Twice the samples over twice the field of view: a pixel keeps its size when the readout is cropped.
    spaces = "".join(
        f"""
    <{name}>
      <matrixSize><x>{x}</x><y>{scan.matrix}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>{fov_x}</x><y>{scan.field_of_view}</y><z>5.0</z></fieldOfView_mm>
    </{name}>"""
        for name, x, fov_x in (
            ("encodedSpace", scan.n_samples, OVERSAMPLING * scan.field_of_view),
            ("reconSpace", scan.matrix, scan.field_of_view),
        )
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <measurementInformation>
    <patientPosition>HFS</patientPosition>
    <protocolName>phantom_gre</protocolName>
  </measurementInformation>
  <acquisitionSystemInformation>
    <systemVendor>{OWN_VENDOR}</systemVendor>
    <systemModel>phantom</systemModel>
    <systemFieldStrength_T>3.0</systemFieldStrength_T>
    <receiverChannels>{scan.n_coils}</receiverChannels>
  </acquisitionSystemInformation>
  <experimentalConditions>
    <H1resonanceFrequency_Hz>127740000</H1resonanceFrequency_Hz>
  </experimentalConditions>
  <encoding>{spaces}
    <encodingLimits>
      <kspace_encoding_step_1>
        <minimum>0</minimum><maximum>{scan.matrix - 1}</maximum><center>{scan.matrix // 2}</center>
      </kspace_encoding_step_1>
      <kspace_encoding_step_2><minimum>0</minimum><maximum>0</maximum><center>0</center></kspace_encoding_step_2>
      <slice><minimum>0</minimum><maximum>{scan.n_slices - 1}</maximum><center>0</center></slice>
    </encodingLimits>
    <trajectory>cartesian</trajectory>
  </encoding>
  <sequenceParameters>
    <TR>{1000 * TICK_S * STAMPS_PER_READOUT * scan.n_slices}</TR>
    <TE>4.6</TE>
    <flipAngle_deg>15</flipAngle_deg>
  </sequenceParameters>
</ismrmrdHeader>
""".encode()
