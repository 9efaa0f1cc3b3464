"""The node RawRepair, the drop-in: acquisitions in, the same acquisitions out, only sparks repaired.

Buffer, detection and calibration in one process. What comes in waits in a queue until its k-space is judged and
leaves it in the order of arrival, so the queue holds no more than the k-spaces that the acquisition order keeps open.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.detection import LooksForSparks
from gadgets.errors import NodeError, RawDataError
from gadgets.failing_open import calibrate, detect
from gadgets.findings import ScanFacts
from gadgets.judged import JudgedKSpace, Told
from gadgets.kspace import (
    AcquiredKSpace,
    Encoding,
    Key,
    KSpaceAssembler,
    Limits,
    Readout,
    SeenKSpaces,
    describe,
    is_imaging,
    place_readouts,
    reason_too_few,
)
from gadgets.logbook import Recorder, Report, changed_settings
from gadgets.node import Item, Stage, run_node
from gadgets.opening import assignment_for, detector_for
from gadgets.records import Assembly, Detection
from gadgets.settings import NodeSettings, RawRepairSettings
from gadgets.wire import Acquisition, Waveform

logger = logging.getLogger(__name__)

# Readouts without a place in k-space are judged in blocks of about the size of an image's k-space.
_MAX_BLOCK = 512


def raw_repair(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "raw_repair", RawRepairSettings, open_stage)


def open_stage(settings: RawRepairSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Open what the stages need, before any data, and give the stage of this node."""
    own = settings.calibration
    recorder = Recorder(own.record, "raw_repair", facts, changed_settings(settings), own.on_failure)
    detector = detector_for(settings.spark_detection)
    told = Told(recorder, for_client=settings.send_findings)
    repairer = RawRepairer(settings, encodings, detector, told.add, facts.protocol)
    return partial(told.run, repairer.repair)


@dataclass(eq=False)
class _Held:
    """An item that waits for its turn."""

    item: Item
    is_judged: bool = True


def _ignore(_judged: JudgedKSpace) -> None:
    """Do nothing with a k-space that was judged."""


class RawRepairer:
    """Repairs the sparks of a stream of acquisitions.

    Parameters
    ----------
    settings
        Of the stages it joins.
    encodings
        Those of the MRD header.
    detector
        Opened before the scan.
    on_judged
        Called with every k-space as soon as it is judged.
    protocol
        Stands in the reports.
    """

    def __init__(
        self,
        settings: RawRepairSettings,
        encodings: tuple[Encoding, ...],
        detector: LooksForSparks,
        on_judged: Callable[[JudgedKSpace], None] = _ignore,
        protocol: str = "",
    ) -> None:
        self._settings = settings
        self._encodings = encodings
        self._detector = detector
        self._on_judged = on_judged
        # Cartesian and EPI readouts have a place; all others, as of spirals, are judged in the order in which they
        # came.
        self._by_place = KSpaceAssembler(encodings)
        self._by_time = KSpaceAssembler([in_order_of_acquisition(encoding) for encoding in encodings])
        self._seen = SeenKSpaces(encodings)
        self._queue: deque[_Held] = deque()
        self._n_queued_bytes = 0
        self._n_unjudged = 0
        # Under the names of the stages: a report reads the same whether one node or four have written it.
        self._reports = {
            name: Report(_report_of(settings, stage), name, stage.on_failure, protocol)
            for name, stage in (
                ("acquisition_buffer", settings.acquisition_buffer),
                ("spark_detection", settings.spark_detection),
                ("calibration", settings.calibration),
            )
        }
        self._assignment = assignment_for(settings.calibration, self._reports["calibration"])

    @property
    def n_held(self) -> int:
        """Number of items that wait for their turn."""
        return len(self._queue)

    def repair(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give every item in its place, sparks in imaging acquisitions repaired.

        Raises
        ------
        RawDataError, NodeError
            A readout or a k-space cannot be judged, and ``on_failure`` of the stage is fail.
        """
        for item in items:
            held = _Held(item)
            self._queue.append(held)
            self._n_queued_bytes += _size_of(item)
            if isinstance(item, Acquisition) and is_imaging(item.fields.flags):
                self._assemble(held, item)
            yield from self._ready()
            while self._settings.acquisition_buffer.holds_too_much(self._n_queued_bytes):
                self._give_up_first()
                yield from self._ready()
        # Which of them comes first does not matter: the queue keeps the order of arrival.
        for assembler in (self._by_place, self._by_time):
            self._finish(assembler.flush(), assembler)
        yield from self._ready()
        self._seen.log(logger, "raw_repair")
        if self._n_unjudged:
            logger.warning("raw_repair: %d readouts were passed on unjudged", self._n_unjudged)

    def _ready(self) -> Iterator[Item]:
        while self._queue and self._queue[0].is_judged:
            item = self._queue.popleft().item
            self._n_queued_bytes -= _size_of(item)
            yield item

    def _give_up_first(self) -> None:
        """Judge the k-space that the queue waits for, whatever it still lacks."""
        first = self._queue[0].item
        if not isinstance(first, Acquisition):
            raise TypeError(f"expected an acquisition that waits for its k-space, found {type(first).__name__}")
        limit = self._settings.acquisition_buffer.held_limit
        logger.warning("raw_repair: %s goes on incomplete, %d MB wait for k-spaces", describe(first.indices), limit)
        assembler = self._by_place if self._is_gridded(first) else self._by_time
        self._finish(assembler.give_up(_key_of(first)), assembler)

    def _assemble(self, held: _Held, acquisition: Acquisition) -> None:
        held.is_judged = False
        try:
            is_gridded = self._is_gridded(acquisition)
            assembler = self._by_place if is_gridded else self._by_time
            # The next free line is the number of readouts that wait already.
            line = None if is_gridded else assembler.n_waiting(_key_of(acquisition))
            complete = assembler.add(acquisition.readout(held, line))
        except RawDataError as error:
            if self._settings.spark_detection.on_failure == "fail":
                raise
            # Otherwise everything behind it in the queue would wait for ever.
            self._pass_unjudged([acquisition.readout(held)], str(error))
            return
        self._finish(complete, assembler)

    def _finish(self, complete: Sequence[AcquiredKSpace], assembler: KSpaceAssembler) -> None:
        """Judge k-spaces, and let the readouts go that turned out to belong to none."""
        is_gridded = assembler is self._by_place
        for acquired in complete:
            too_few = reason_too_few(acquired, self._settings.acquisition_buffer.fewest_readouts) if is_gridded else ""
            if too_few:
                self._pass_unjudged(acquired.readouts, too_few)
            else:
                self._judge(acquired, is_gridded=is_gridded)
        self._pass_unjudged(assembler.take_left_over(), "its line came again with the same counters")

    def _pass_unjudged(self, readouts: Sequence[Readout], reason: str) -> None:
        # Once, with the number at the end: a scan may have thousands of them.
        if readouts and not self._n_unjudged:
            logger.warning("raw_repair: a readout is passed on unjudged: %s", reason)
        self._n_unjudged += len(readouts)
        for readout in readouts:
            _held_of(readout.source).is_judged = True

    def _is_gridded(self, acquisition: Acquisition) -> bool:
        encoding = self._by_place.encoding(acquisition.fields.encoding_space_ref)
        # A readout with a trajectory says there where it lies; its counters need not mean a place.
        return encoding.is_cartesian and not acquisition.fields.trajectory_dimensions

    def _judge(self, acquired: AcquiredKSpace, *, is_gridded: bool) -> None:
        self._seen.note(acquired.indices)
        try:
            self._repair(acquired, is_gridded=is_gridded)
        except NodeError:
            raise
        # Most of all a lack of memory for the k-space: its readouts are here, and go on.
        except Exception as error:
            where, reason = describe(acquired.indices), str(error) or type(error).__name__
            if self._settings.acquisition_buffer.on_failure == "fail":
                raise NodeError(f"raw_repair: {where}: {reason}") from error
            logger.exception("raw_repair failed (%s); passed on unjudged", where)
            warning = f"passed on unjudged: {reason}"
            self._reports["spark_detection"].add(Detection(indices=acquired.indices, warning=warning))
        for readout in acquired.readouts:
            _held_of(readout.source).is_judged = True

    def _repair(self, acquired: AcquiredKSpace, *, is_gridded: bool) -> None:
        kspace = replace(acquired.kspace, is_gridded=is_gridded)
        # Blocks of readouts without a place end where the scan does: nobody knows how many there should be.
        warning = acquired.warning if is_gridded else ""
        if warning:
            logger.warning("raw_repair: %s", warning)
        assembly = Assembly(
            indices=kspace.indices,
            readouts=len(acquired.readouts),
            missing=acquired.n_missing if is_gridded else 0,
            warning=warning,
        )
        self._reports["acquisition_buffer"].add(assembly)
        detection = detect(kspace, self._detector, self._settings.spark_detection.on_failure)
        detection = self._reports["spark_detection"].add(detection)
        found = (detection.target_patches, detection.repairs)
        data, calibration = calibrate(kspace, detection.points, self._settings.calibration, self._assignment, *found)
        self._reports["calibration"].add(calibration)
        if data is not None:
            _write_back(acquired, data, self._settings.mark_user_int)
        self._on_judged(JudgedKSpace(kspace, data, assembly, detection, calibration))


def in_order_of_acquisition(encoding: Encoding) -> Encoding:
    """Give the encoding in which readouts have a number instead of a place: blocks of readout times sample."""
    n_readouts = min(max(encoding.lines.count * encoding.partitions.count, 1), _MAX_BLOCK)
    lines = Limits(0, n_readouts // 2, n_readouts - 1)
    width = encoding.encoded_matrix[0]
    return replace(
        encoding, encoded_matrix=(width, n_readouts, 1), lines=lines, partitions=Limits(), trajectory="other"
    )


def _write_back(acquired: AcquiredKSpace, data: ComplexArray, mark: int | None = None) -> None:
    """Put changed samples into the acquisitions they came in, and their number into a field of the header, if asked."""
    _, _, starts = place_readouts(acquired.readouts)
    by_place = {
        (readout.partition, readout.line): (readout, start)
        for readout, start in zip(acquired.readouts, starts, strict=True)
    }
    # Only acquisitions with a changed sample are made anew; all others go out byte for byte.
    changed = (data != acquired.kspace.data).any(axis=0)
    written: list[tuple[_Held, Acquisition]] = []
    for partition, line in np.argwhere(changed.any(axis=-1)):
        readout, start = by_place[int(partition), int(line)]
        held = _held_of(readout.source)
        if isinstance(held.item, Acquisition):
            where = np.flatnonzero(changed[partition, line])
            # The item's own samples are a read-only view of the bytes that came.
            samples = held.item.data.copy()
            # From columns of the k-space to samples of the readout, which may begin later than others.
            samples[:, where - start] = data[:, partition, line, where]
            item = held.item.with_data(samples)
            written.append((held, item if mark is None else item.with_user_int(mark, len(where))))
    # All or none: half a repair would contradict what is said of it.
    for held, item in written:
        held.item = item


def _held_of(source: object) -> _Held:
    if not isinstance(source, _Held):
        raise TypeError(f"expected a readout of an item in the queue, found one of {type(source).__name__}")
    return source


def _key_of(acquisition: Acquisition) -> Key:
    return Key(acquisition.indices, acquisition.fields.active_channels)


def _size_of(item: Item) -> int:
    """Give the bytes of an item that may wait; others do not come in numbers."""
    return len(item.samples) if isinstance(item, Acquisition | Waveform) else 0


def _report_of(settings: RawRepairSettings, stage: NodeSettings) -> Path | None:
    return stage.report if stage.report is not None else settings.report
