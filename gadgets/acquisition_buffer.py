"""The node AcquisitionBuffer: acquisitions in, each k-space out as ReconData as soon as it is complete."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any

from gadgets.errors import NodeError, RawDataError
from gadgets.kspace import AcquiredKSpace, Encoding, KSpaceAssembler, Readout, SeenKSpaces, describe, is_imaging
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
    report = Report(settings.report, "acquisition_buffer", settings.on_failure)
    return partial(buffer_acquisitions, encodings=encodings, settings=settings, report=report)


def buffer_acquisitions(
    items: Iterable[Item], encodings: tuple[Encoding, ...], settings: AcquisitionBufferSettings, report: Report
) -> Iterator[Item]:
    """Assemble imaging acquisitions to k-spaces; everything else passes at once, in order.

    Raises
    ------
    RawDataError
        An acquisition belongs to an encoding that is neither Cartesian nor EPI.
    RawDataError, NodeError
        A readout fits nowhere or a k-space cannot be assembled, and ``on_failure`` is fail.
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
            if settings.on_failure == "fail":
                raise
            # One that fits nowhere, as some scanners send at the end, must not cost the scan its images.
            if not n_odd:
                logger.warning("acquisition_buffer: a readout is passed on as it came: %s", error)
            n_odd += 1
            yield item
            continue
        _require_cartesian(encoding, readout)
        complete += _too_many(assembler, settings)
        while complete:
            acquired = complete.pop(0)
            seen.note(acquired.indices)
            yield from _messages_of(acquired, settings, report)
            del acquired  # or it would be held, readouts and all, while those of the next k-space come
    # A scan that was ended early leaves k-spaces open; they are judged with what they have.
    for acquired in assembler.flush():
        seen.note(acquired.indices)
        yield from _messages_of(acquired, settings, report)
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


def _too_many(assembler: KSpaceAssembler, settings: AcquisitionBufferSettings) -> list[AcquiredKSpace]:
    """Give the k-spaces that have waited for longest, where all together hold more than is allowed."""
    given_up = []
    while settings.holds_too_much(assembler.n_bytes) and (oldest := assembler.oldest) is not None:
        limit = settings.held_limit
        logger.warning("acquisition_buffer: %s goes on incomplete, %d MB wait for k-spaces", describe(oldest), limit)
        given_up.append(assembler.give_up(oldest))
    return given_up


def _messages_of(acquired: AcquiredKSpace, settings: AcquisitionBufferSettings, report: Report) -> Iterator[Item]:
    """Give a k-space, after a record of what it lacks, if anything; its readouts where it cannot be assembled."""
    start = perf_counter()
    try:
        recon_data = recon_data_of(acquired, acquired.encoding)
    except Exception as error:
        where, reason = describe(acquired.indices), str(error) or type(error).__name__
        if settings.on_failure == "fail":
            raise NodeError(f"acquisition_buffer: {where}: {reason}") from error
        logger.exception("acquisition_buffer: no k-space could be assembled (%s); its readouts go on alone", where)
        report.add(_record(acquired, start, f"not assembled: {reason}"))
        yield from (readout.source for readout in acquired.readouts if isinstance(readout.source, Acquisition))
        return
    record = report.add(_record(acquired, start, acquired.warning))
    if record.warning:
        logger.warning("acquisition_buffer: %s", record.warning)
        # Ahead of the ReconData, so that the node that reads it knows by then. Without a warning there is nothing to
        # say.
        yield from waveforms_of(record)
    yield recon_data


def _record(acquired: AcquiredKSpace, start: float, warning: str) -> Assembly:
    return Assembly(
        indices=acquired.indices,
        readouts=len(acquired.readouts),
        missing=acquired.n_missing,
        seconds=perf_counter() - start,
        warning=warning,
    )
