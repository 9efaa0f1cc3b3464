"""The node AcquisitionBuffer: acquisitions in, each k-space out as ReconData as soon as it is complete."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from time import perf_counter
from typing import Any

from gadgets.errors import NodeError, RawDataError, in_words, trace_of
from gadgets.findings import ScanFacts
from gadgets.kspace import (
    LEFT_OVER,
    AcquiredKSpace,
    Encoding,
    KSpaceAssembler,
    Readout,
    SeenKSpaces,
    describe,
    is_imaging,
    reason_too_few,
)
from gadgets.logbook import Report, ScanName, told_scan
from gadgets.node import Item, Stage, run_node
from gadgets.records import Assembly
from gadgets.settings import AcquisitionBufferSettings
from gadgets.wire import Acquisition, recon_data_of, waveforms_of

logger = logging.getLogger(__name__)


def acquisition_buffer(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "acquisition_buffer", AcquisitionBufferSettings, open_stage)


def open_stage(settings: AcquisitionBufferSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Give the stage of this node."""
    report = Report(settings.report, "acquisition_buffer", settings.on_failure, facts.protocol)
    return partial(buffer_acquisitions, encodings=encodings, settings=settings, report=report)


def buffer_acquisitions(
    items: Iterable[Item], encodings: tuple[Encoding, ...], settings: AcquisitionBufferSettings, report: Report
) -> Iterator[Item]:
    """Assemble imaging acquisitions to k-spaces; everything else passes at once, in order.

    Readouts that belong to no k-space, or to one of too few of them, pass as well.

    Raises
    ------
    RawDataError
        An acquisition belongs to an encoding that is neither Cartesian nor EPI.
    RawDataError, NodeError
        A readout fits nowhere or a k-space cannot be assembled, and ``on_failure`` is fail.
    NodeError
        At the end: there were readouts, and no k-space came of any of them.
    """
    yield from _Buffer(encodings, settings, report).kspaces(items)


class _Buffer:
    """What the stage keeps from one item to the next."""

    def __init__(self, encodings: tuple[Encoding, ...], settings: AcquisitionBufferSettings, report: Report) -> None:
        self._assembler = KSpaceAssembler(encodings)
        self._seen = SeenKSpaces(encodings)
        self._settings = settings
        self._report = report
        # Until the nodes behind have been told, which may have to learn it from us: see hear_name.
        self._name = told_scan()
        self._n_kspaces = 0
        self._n_stray = 0
        self._reason = ""

    def kspaces(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            # Noise, navigators and calibration scans are for other gadgets.
            if isinstance(item, Acquisition) and is_imaging(item.fields.flags):
                yield from self._taken(item)
            else:
                yield item
        # A scan that was ended early leaves k-spaces open; they are judged with what they have.
        yield from self._messages_of(self._assembler.flush())
        if self._n_stray:
            logger.warning("acquisition_buffer: %d readouts belong to no k-space and were passed on", self._n_stray)
        self._seen.log(logger, "acquisition_buffer")
        if self._n_stray and not self._n_kspaces:
            # A client that waits for images would get the end of the scan and nothing else.
            raise NodeError(f"acquisition_buffer: no k-space came of {self._n_stray} readouts: {self._reason}")

    def _taken(self, item: Acquisition) -> Iterator[Item]:
        readout = item.readout()
        try:
            encoding = self._assembler.encoding(readout.indices.encoding)
            complete = self._assembler.add(readout) if encoding.is_cartesian else []
        except RawDataError as error:
            if self._settings.on_failure == "fail":
                raise
            # One that fits nowhere, as some scanners send at the end, must not cost the scan its images.
            yield from self._passed_on([readout], str(error))
            return
        # An error whatever on_failure says: of such an encoding no image can come.
        _require_cartesian(encoding, readout)
        yield from self._messages_of(complete + self._too_many())

    def _too_many(self) -> list[AcquiredKSpace]:
        """Give the k-spaces that have waited for longest, where all together hold more than is allowed."""
        given_up: list[AcquiredKSpace] = []
        while self._settings.holds_too_much(self._assembler.n_bytes) and (oldest := self._assembler.oldest) is not None:
            where, limit = describe(oldest.indices), self._settings.held_limit
            logger.warning("acquisition_buffer: %s goes on incomplete, %d MB wait for k-spaces", where, limit)
            given_up += self._assembler.give_up(oldest)
        return given_up

    def _messages_of(self, complete: list[AcquiredKSpace]) -> Iterator[Item]:
        while complete:
            acquired = complete.pop(0)
            if too_few := reason_too_few(acquired, self._settings.fewest_readouts):
                yield from self._passed_on(acquired.readouts, too_few)
            else:
                self._n_kspaces += 1
                self._seen.note(acquired.indices)
                yield from _kspace_or_readouts(acquired, self._settings, self._report, self._name)
                self._name = None
            del acquired  # or it would be held, readouts and all, while those of the next k-space come
        yield from self._passed_on(self._assembler.take_left_over(), LEFT_OVER)

    def _passed_on(self, readouts: Sequence[Readout], reason: str) -> Iterator[Item]:
        # Once, with the number at the end: a scan may have thousands of them.
        if readouts and not self._n_stray:
            self._reason = reason
            logger.warning("acquisition_buffer: a readout is passed on as it came: %s", reason)
        self._n_stray += len(readouts)
        yield from _sources_of(readouts)


def _require_cartesian(encoding: Encoding, readout: Readout) -> None:
    if not encoding.is_cartesian:
        raise RawDataError(
            f"expected a cartesian or EPI trajectory, found {encoding.trajectory!r} in encoding "
            f"{readout.indices.encoding} (the chain repair_raw takes any trajectory)"
        )


def _kspace_or_readouts(
    acquired: AcquiredKSpace, settings: AcquisitionBufferSettings, report: Report, name: ScanName | None
) -> Iterator[Item]:
    """Give a k-space; ahead of it a record of what it lacks, and of the scan's name, if there is anything to say.

    Where it cannot be assembled its readouts go on.
    """
    start = perf_counter()
    try:
        recon_data = recon_data_of(acquired, acquired.encoding)
    except Exception as error:
        where, reason = describe(acquired.indices), in_words(error)
        if settings.on_failure == "fail":
            raise NodeError(f"acquisition_buffer: {where}: {reason}") from error
        logger.error(
            "acquisition_buffer: no k-space could be assembled (%s: %s); its readouts go on alone",
            where,
            reason,
            exc_info=trace_of(error),
        )
        record = report.add(_record(acquired, start, f"not assembled: {reason}", is_lost=True))
        # The node that makes the images tells the client: to it, readouts that go on alone look like any others.
        yield from waveforms_of(record)
        yield from _sources_of(acquired.readouts)
        return
    record = report.add(_record(acquired, start, acquired.warning))
    if record.warning:
        logger.warning("acquisition_buffer: %s", record.warning)
    if record.warning or name is not None:
        # Ahead of the ReconData, so that the node that reads it knows by then.
        yield from waveforms_of(record.model_copy(update=(name or ScanName())._asdict()))
    yield recon_data


def _sources_of(readouts: Sequence[Readout]) -> Iterator[Acquisition]:
    yield from (readout.source for readout in readouts if isinstance(readout.source, Acquisition))


def _record(acquired: AcquiredKSpace, start: float, warning: str, *, is_lost: bool = False) -> Assembly:
    return Assembly(
        indices=acquired.indices,
        readouts=len(acquired.readouts),
        missing=acquired.n_missing,
        seconds=perf_counter() - start,
        warning=warning,
        is_lost=is_lost,
    )
