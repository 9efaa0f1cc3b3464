"""The node AcquisitionBuffer: acquisitions in, each k-space out as ReconData as soon as it is complete."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any

from gadgets.errors import RawDataError
from gadgets.kspace import AcquiredKSpace, Encoding, KSpaceAssembler, Readout, SeenKSpaces, is_imaging
from gadgets.node import Item, Stage, run_node
from gadgets.records import Assembly
from gadgets.report import Report
from gadgets.settings import AcquisitionBufferSettings
from gadgets.wire import Acquisition, recon_data_of, waveforms_of

logger = logging.getLogger(__name__)


def acquisition_buffer(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "acquisition_buffer", AcquisitionBufferSettings, open_stage)


def open_stage(settings: AcquisitionBufferSettings, encodings: tuple[Encoding, ...]) -> Stage:
    """Give the stage of this node."""
    return partial(buffer_acquisitions, encodings=encodings, report=Report(settings.report, "acquisition_buffer"))


def buffer_acquisitions(items: Iterable[Item], encodings: tuple[Encoding, ...], report: Report) -> Iterator[Item]:
    """Assemble imaging acquisitions to k-spaces; everything else passes at once, in order.

    Raises
    ------
    RawDataError
        An acquisition belongs to an encoding that is neither Cartesian nor EPI.
    """
    assembler = KSpaceAssembler(encodings)
    seen = SeenKSpaces(encodings)
    n_odd = 0
    for item in items:
        # Noise, navigators and calibration scans are for other gadgets.
        if not isinstance(item, Acquisition) or not is_imaging(item.fields.flags):
            yield item
            continue
        readout = item.readout()
        try:
            encoding = assembler.encoding(readout.indices.encoding)
            complete = assembler.add(readout) if encoding.is_cartesian else []
        except RawDataError as error:
            # One that fits nowhere, as some scanners send at the end, must not cost the scan its images.
            if not n_odd:
                logger.warning("acquisition_buffer: a readout is passed on as it came: %s", error)
            n_odd += 1
            yield item
            continue
        _require_cartesian(encoding, readout)
        while complete:
            acquired = complete.pop(0)
            seen.note(acquired.kspace.indices)
            yield from _messages_of(acquired, assembler, report)
            del acquired  # or it would be held, readouts and all, while those of the next k-space come
    # A scan that was ended early leaves k-spaces open; they are judged with what they have.
    for acquired in assembler.flush():
        seen.note(acquired.kspace.indices)
        yield from _messages_of(acquired, assembler, report)
    if n_odd:
        logger.warning("acquisition_buffer: %d readouts belong to no k-space and were passed on", n_odd)
    if seen.warning():
        logger.warning("acquisition_buffer: %s", seen.warning())


def _require_cartesian(encoding: Encoding, readout: Readout) -> None:
    if not encoding.is_cartesian:
        raise RawDataError(
            f"expected a cartesian or EPI trajectory, found {encoding.trajectory!r} in encoding "
            f"{readout.indices.encoding} (the chain repair_raw takes any trajectory)"
        )


def _messages_of(acquired: AcquiredKSpace, assembler: KSpaceAssembler, report: Report) -> Iterator[Item]:
    """Give a k-space, after a record of what it lacks, if anything."""
    start = perf_counter()
    recon_data = recon_data_of(acquired, assembler.encoding(acquired.kspace.indices.encoding))
    record = Assembly(
        indices=acquired.kspace.indices,
        readouts=len(acquired.readouts),
        missing=acquired.n_missing,
        seconds=perf_counter() - start,
        warning=acquired.warning,
    )
    report.add(record)
    if record.warning:
        logger.warning("acquisition_buffer: %s", record.warning)
        # Ahead of the ReconData, so that the node that reads it knows by then. Without a warning there is nothing to
        # say.
        yield from waveforms_of(record)
    yield recon_data
