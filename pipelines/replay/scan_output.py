"""What comes back from a scan: counted, and written to one HDF5 file as it arrives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from gadgets.indices import Indices
from gadgets.outside import memory_limit
from gadgets.records import Assembly, Calibration, Detection, Record
from gadgets.wire import RecordCollector, Waveform
from pipelines.files import Hdf5Output, ImageWriter, RawAcquisition, RawImage, RawItem, RawWaveform, RawWriter
from pipelines.messages import Message, MessageID


@dataclass
class Counts:
    """How many acquisitions, waveforms and images went past, and the headers of the first two in their order."""

    acquisitions: int = 0
    waveforms: int = 0
    images: int = 0
    unwritten: int = 0
    # A hash in place of the headers, which would be held for all of the scan.
    acquisition_headers: hashlib._Hash = field(default_factory=hashlib.sha256, repr=False)

    def add(self, item: RawItem) -> None:
        """Count an acquisition or a waveform."""
        if isinstance(item, RawAcquisition):
            self.acquisitions += 1
            self.acquisition_headers.update(item.header)
        else:
            self.waveforms += 1


@dataclass(frozen=True)
class ImageResult:
    """What an image's meta data say, for the summary of a scan that ran elsewhere."""

    indices: Indices
    meta: dict[str, str]


class ScanOutput:
    """Writes what a chain returns; the file is made when the first piece comes.

    Parameters
    ----------
    path
        The file to make.
    header_xml
        The MRD header of the input, taken over byte for byte into a raw file.
    is_told
        Whether the server was asked to tell what it found.
    made_by
        What the chain does to raw data, for those who look at the file later; empty: nothing.
    """

    def __init__(self, path: Path, header_xml: bytes, *, is_told: bool = False, made_by: str = "") -> None:
        self._path = path
        self._is_told = is_told
        self._header_xml, self._made_by = header_xml, made_by
        self._output: Hdf5Output | None = None
        self._raw: RawWriter | None = None
        self._images: ImageWriter | None = None
        self.counts = Counts()
        self.image_results: list[ImageResult] = []
        # Those of the whole scan, to its end.
        self._records = RecordCollector(most=memory_limit())

    def receive(self, message: Message) -> None:
        """Take one message from the server; raises WireError where it is damaged, OSError where the disk is full."""
        if message.id is MessageID.ACQUISITION:
            self._add(RawAcquisition.from_bytes(message.body))
        elif message.id is MessageID.WAVEFORM:
            waveform = RawWaveform.from_bytes(message.body)
            # What the server was asked to tell is no part of the scan.
            if not self._is_told or not self._records.add(Waveform(waveform.header, waveform.data.tobytes())):
                self._add(waveform)
        elif message.id is MessageID.IMAGE:
            self._add_image(RawImage.from_bytes(message.body))
        else:
            self.counts.unwritten += 1
        if self._output is not None:
            self._output.check()

    def records(self) -> list[tuple[str, Record]]:
        """Give what the server has told, each with the name of the node."""
        kinds: dict[str, type[Record]] = {
            "acquisition_buffer": Assembly, "spark_detection": Detection, "calibration": Calibration
        }  # fmt: skip
        return [(node, record) for node, kind in kinds.items() for record in self._records.take(kind)]

    def finish(self) -> None:
        """Write what is still held back and close the file."""
        if self._raw is not None:
            self._raw.flush()
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        if self._output is not None:
            output, self._output = self._output, None
            output.close()

    def _open(self) -> h5py.File:
        if self._output is None:
            # Only when something comes: a scan that gives nothing leaves no file, not even an empty one.
            self._output = Hdf5Output(self._path)
        return self._output.file

    def _add(self, item: RawItem) -> None:
        if self._raw is None:
            self._raw = RawWriter(self._open(), self._header_xml, made_by=self._made_by)
        self._raw.append(item)
        self.counts.add(item)

    def _add_image(self, image: RawImage) -> None:
        if self._images is None:
            self._images = ImageWriter(self._open())
        self._images.append(image)
        self.counts.images += 1
        if image.is_original:
            return
        # An image's header names no encoding.
        names = [name for name in Indices.model_fields if name != "encoding"]
        indices = Indices(**{name: int(image.fields[name]) for name in names})
        self.image_results.append(ImageResult(indices, image.meta))
