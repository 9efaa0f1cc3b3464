"""The node ImageFFT: repaired ReconData in, one magnitude image with meta data per k-space out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, count, repeat, zip_longest
from time import perf_counter
from typing import Any

from gadgets.errors import NodeError, RawDataError, in_words, trace_of
from gadgets.findings import ScanFacts
from gadgets.image import ORIGINAL_SERIES, MetaValue, meta_of, original_meta, reconstruct
from gadgets.indices import Indices
from gadgets.kspace import Encoding, describe, without_non_finite
from gadgets.logbook import Report, note_scan
from gadgets.node import Item, Stage, hear_name, run_node
from gadgets.records import Assembly, Calibration, Detection, Imaging, Original
from gadgets.settings import ImageFFTSettings
from gadgets.wire import (
    Acquisition,
    Cell,
    ImageMessage,
    ReconData,
    RecordCollector,
    Waveform,
    cells_of,
    image_message,
)

logger = logging.getLogger(__name__)

# Of as many k-spaces as there may be: ReconData of other gadgets come without any.
NO_RECORDS: Iterator[tuple[None, None]] = repeat((None, None))


def image_fft(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "image_fft", ImageFFTSettings, open_stage, hear_name)


def open_stage(settings: ImageFFTSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Give the stage of this node."""
    report = Report(settings.report, "image_fft", settings.on_failure, facts.protocol)
    return partial(make_images, encodings=encodings, settings=settings, report=report)


def make_images(
    items: Iterable[Item], encodings: tuple[Encoding, ...], settings: ImageFFTSettings, report: Report
) -> Iterator[Item]:
    """Make an image of every k-space that holds a readout.

    Acquisitions and waveforms that come this far are not imaging data and end here; images and whatever else
    other gadgets made pass.

    Raises
    ------
    RawDataError, NodeError
        A ReconData is not one or no image can be made of it: at once where ``on_failure`` is fail, else at the end,
        when all others have their images.
    """
    yield from _Images(encodings, settings, report).of(items)


class _Images:
    """What the stage keeps from one item to the next."""

    def __init__(self, encodings: tuple[Encoding, ...], settings: ImageFFTSettings, report: Report) -> None:
        self._encodings = encodings
        self._settings = settings
        self._report = report
        self._collector = RecordCollector()
        self._without_image: list[str] = []
        # Images as acquired are a series of their own, and count by themselves.
        self._image_indices, self._original_indices = count(1), count(1)

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        n_unused = 0
        for item in items:
            if isinstance(item, ReconData):
                # A record of its own stands ahead of data that come once more, as acquired.
                yield from self._originals(item) if self._collector.take(Original) else self._images(item)
            elif isinstance(item, Waveform):
                # Not passed on, records or others: Gadgetron's stock client aborts on a waveform or an acquisition.
                n_unused += not self._collect(item)
            elif isinstance(item, Acquisition):
                n_unused += 1
            else:
                yield item
        if n_unused:
            logger.info("image_fft: %d acquisitions and waveforms that are no imaging data end here", n_unused)
        self._lacking()
        # At the end, when it costs no other image: whoever gets nothing but images must not take them for all.
        if self._without_image:
            n_without, first = len(self._without_image), self._without_image[0]
            raise NodeError(f"image_fft: k-spaces without an image: {n_without}, the first {first}")

    def _images(self, recon_data: ReconData) -> Iterator[ImageMessage]:
        """Make an image of each k-space, with what the records ahead say of it."""
        lacking = self._lacking()
        detections = self._collector.take(Detection)
        note_scan(models=(model for detection in detections for model in detection.models))
        records = chain(zip_longest(detections, self._collector.take(Calibration)), NO_RECORDS)
        # Detection counts empty cells too, so the number of the cell is that of the record.
        for cell, (detection, calibration) in zip(self._cells(recon_data), records, strict=False):
            # ReconData of other gadgets may have cells that nothing was acquired for.
            if not cell.kspace.sampled.any():
                continue
            meta = partial(meta_of, detection, calibration, lacking.get(cell.kspace.indices, ""))
            make = partial(_image, cell, meta, next(self._image_indices), self._report)
            yield from self._made(cell, make)

    def _originals(self, recon_data: ReconData) -> Iterator[ImageMessage]:
        """Make an image of each k-space as acquired."""
        for cell in self._cells(recon_data):
            if cell.kspace.sampled.any():
                yield from self._made(cell, partial(_original, cell, next(self._original_indices)), " as acquired")

    def _lacking(self) -> dict[Indices, str]:
        """Take what is known of k-spaces that came incomplete; note those that could not be assembled at all."""
        records = self._collector.take(Assembly)
        self._without_image += [f"({describe(each.indices)}): {each.warning}" for each in records if each.is_lost]
        return {each.indices: each.warning for each in records if not each.is_lost}

    def _cells(self, recon_data: ReconData) -> list[Cell]:
        try:
            return cells_of(recon_data, self._encodings)
        except RawDataError as error:
            if self._settings.on_failure == "fail":
                raise
            # What cannot be read as k-spaces has no image; all others of the scan keep theirs.
            logger.warning("image_fft: no image could be made: %s", error)
            self._without_image.append(f"is none: {error}")
            return []

    def _collect(self, waveform: Waveform) -> bool:
        """Take a record, if the waveform holds one; a damaged one costs its place in the meta data, not the image."""
        try:
            return self._collector.add(waveform)
        except RawDataError as error:
            logger.warning("image_fft: %s", error)
            return False

    def _made(self, cell: Cell, make: Callable[[], ImageMessage], kind: str = "") -> Iterator[ImageMessage]:
        """Give an image; none where it cannot be made, which log, report and the end of the scan then say."""
        try:
            image = make()
        # One k-space that takes too much memory, for example, must not cost all others their images.
        except Exception as error:
            where, reason = describe(cell.kspace.indices), in_words(error)
            if self._settings.on_failure == "fail":
                raise NodeError(f"image_fft: {where}: {reason}") from error
            said = "image_fft: no image%s could be made (%s): %s"
            logger.error(said, kind, where, reason, exc_info=trace_of(error))
            # Records are of repaired images alone.
            if not kind:
                warning = f"no image: {reason}"
                self._report.add(Imaging(indices=cell.kspace.indices, image=0, matrix=(0, 0, 0), warning=warning))
            self._without_image.append(f"{kind} ({where}): {reason}".lstrip())
            return
        yield image


def _field_of_view(cell: Cell) -> tuple[float, float, float]:
    recon_x, encoded = cell.encoding.recon_fov[0], cell.encoding.encoded_fov
    # Only the readout is cropped: phase oversampling stays in the image, and so in its field of view.
    return recon_x, encoded[1], encoded[2]


def _original(cell: Cell, image_index: int) -> ImageMessage:
    """Make the image of a k-space as acquired."""
    kspace, _ = without_non_finite(cell.kspace)
    image = reconstruct(kspace, cell.encoding)
    return image_message(image, cell.header, _field_of_view(cell), image_index, original_meta(), ORIGINAL_SERIES)


def _image(
    cell: Cell, meta: Callable[[str], Mapping[str, MetaValue]], image_index: int, report: Report
) -> ImageMessage:
    """Make the image of a repaired k-space, and the record of it."""
    start = perf_counter()
    # A single NaN would be everywhere in the image.
    kspace, n_non_finite = without_non_finite(cell.kspace)
    image = reconstruct(kspace, cell.encoding)
    depth, height, width = image.shape
    record = report.add(
        Imaging(
            indices=kspace.indices,
            image=image_index,
            matrix=(depth, height, width),
            seconds=perf_counter() - start,
            warning=f"{n_non_finite} NaN or Inf samples were taken as zero" if n_non_finite else "",
        )
    )
    return image_message(image, cell.header, _field_of_view(cell), image_index, meta(record.warning))
