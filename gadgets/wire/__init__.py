"""All conversions between bytes on a connection, MRD types and the pure values of the method.

=====================  ==========================================================================================
module                 what passes it
=====================  ==========================================================================================
``transport``          bytes: a buffered socket that notices a lost peer
``outgoing``           what it sends, gathered
``capture``            messages of no concern to despark, whole
``attach``             puts the readers and writers below on a ``gadgetron`` Connection
``acquisitions``       ACQUISITION  <-> :class:`~gadgets.kspace.readout.Readout`
``recon_data``         RECONDATA
``kspaces``            an assembled k-space -> ReconData
``cells``              ReconData, of whatever gadget -> its k-spaces, and changed samples back into it
``waveforms``          WAVEFORM     <-> records of :mod:`gadgets.records`
``images``             image and meta data -> IMAGE
``header``             the MRD header -> :class:`~gadgets.kspace.readout.Encoding`, facts for findings
=====================  ==========================================================================================

What is not changed is written byte for byte as it was read. Why points travel in waveforms and k-spaces in
ReconData is written down in ``gadgets/DECISIONS.md``.
"""

from gadgets.wire.acquisitions import Acquisition
from gadgets.wire.attach import attach
from gadgets.wire.capture import RawMessage
from gadgets.wire.cells import Cell, cells_of, replace_cells
from gadgets.wire.header import encodings_of, facts_of
from gadgets.wire.images import ImageMessage, image_message
from gadgets.wire.kspaces import recon_data_of
from gadgets.wire.recon_data import ReconBit, ReconBuffer, ReconData
from gadgets.wire.transport import ERROR, MESSAGE_ID, Transport
from gadgets.wire.waveforms import RecordCollector, Waveform, is_original, waveforms_of

__all__ = [
    "ERROR",
    "MESSAGE_ID",
    "Acquisition",
    "Cell",
    "ImageMessage",
    "RawMessage",
    "ReconBit",
    "ReconBuffer",
    "ReconData",
    "RecordCollector",
    "Transport",
    "Waveform",
    "attach",
    "cells_of",
    "encodings_of",
    "facts_of",
    "image_message",
    "is_original",
    "recon_data_of",
    "replace_cells",
    "waveforms_of",
]
