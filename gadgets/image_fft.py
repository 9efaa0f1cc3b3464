"""The node ImageFFT: repaired ReconData in, one magnitude image with meta data per k-space out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count
from time import perf_counter
from typing import Any

from gadgets.errors import RawDataError
from gadgets.image import MetaValue, meta_of, reconstruct
from gadgets.kspace import Encoding, without_non_finite
from gadgets.node import Item, Stage, run_node
from gadgets.records import Assembly, Calibration, Detection, Imaging
from gadgets.report import Report
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


def image_fft(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "image_fft", ImageFFTSettings, open_stage)


def open_stage(settings: ImageFFTSettings, encodings: tuple[Encoding, ...]) -> Stage:
    """Give the stage of this node."""
    return partial(make_images, encodings=encodings, report=Report(settings.report, "image_fft"))


def make_images(items: Iterable[Item], encodings: tuple[Encoding, ...], report: Report) -> Iterator[Item]:
    """Make an image of every k-space that holds a readout.

    Acquisitions and waveforms that come this far are not imaging data and end here; images and whatever else
    other gadgets made pass.

    Raises
    ------
    RawDataError
        A ReconData is not one.
    """
    collector = RecordCollector()
    image_indices = count(1)
    n_unused = 0
    for item in items:
        if isinstance(item, ReconData):
            detections, calibrations = collector.take(Detection), collector.take(Calibration)
            lacking = {record.indices: record.warning for record in collector.take(Assembly)}
            for number, cell in enumerate(cells_of(item, encodings)):
                # ReconData of other gadgets may have cells that nothing was acquired for.
                if not cell.kspace.sampled.any():
                    continue
                # Detection counts empty cells too, so the number of the cell is that of the record.
                detection = detections[number] if number < len(detections) else None
                calibration = calibrations[number] if number < len(calibrations) else None
                meta = partial(meta_of, detection, calibration, lacking.get(cell.kspace.indices, ""))
                yield _image(cell, meta, next(image_indices), report)
        elif isinstance(item, Waveform):
            # Not passed on, records or others: Gadgetron's stock client aborts on a waveform or an acquisition.
            n_unused += not _collect(item, collector)
        elif isinstance(item, Acquisition):
            n_unused += 1
        else:
            yield item
    if n_unused:
        logger.info("image_fft: %d acquisitions and waveforms that are no imaging data end here", n_unused)


def _collect(waveform: Waveform, collector: RecordCollector) -> bool:
    """Take a record, if the waveform holds one; a damaged one costs its place in the meta data, not the image."""
    try:
        return collector.add(waveform)
    except RawDataError as error:
        logger.warning("image_fft: %s", error)
        return False


def _image(
    cell: Cell, meta: Callable[[str], Mapping[str, MetaValue]], image_index: int, report: Report
) -> ImageMessage:
    start = perf_counter()
    # A single NaN would be everywhere in the image.
    kspace, n_non_finite = without_non_finite(cell.kspace)
    warning = f"{n_non_finite} NaN or Inf samples were taken as zero" if n_non_finite else ""
    image = reconstruct(kspace, cell.encoding)
    recon_x, encoded = cell.encoding.recon_fov[0], cell.encoding.encoded_fov
    message = image_message(
        image,
        cell.header,
        # Only the readout is cropped: phase oversampling stays in the image, and so in its field of view.
        (recon_x, encoded[1], encoded[2]),
        image_index,
        meta(warning),
    )
    depth, height, width = image.shape
    report.add(
        Imaging(
            indices=kspace.indices,
            image=image_index,
            matrix=(depth, height, width),
            seconds=perf_counter() - start,
            warning=warning,
        )
    )
    return message
