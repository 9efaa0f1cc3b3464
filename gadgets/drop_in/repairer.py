"""Joins the stages for acquisitions: each k-space is assembled, judged and repaired, and goes back in its place.

What comes in waits in a queue until its k-space is judged and leaves it in the order of arrival, so the queue holds no
more than the k-spaces that the acquisition order keeps open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gadgets.detection import LooksForSparks
from gadgets.drop_in.assemblers import Assemblers, Closed
from gadgets.drop_in.turns import Held, Turns, held_of
from gadgets.drop_in.write_back import write_back
from gadgets.errors import NodeError, RawDataError, in_words
from gadgets.failing_open import calibrate, detect
from gadgets.judged import JudgedKSpace
from gadgets.kspace import (
    LEFT_OVER,
    AcquiredKSpace,
    Encoding,
    Readout,
    SeenKSpaces,
    describe,
    is_imaging,
    reason_too_few,
)
from gadgets.logbook import Report
from gadgets.node import Item
from gadgets.records import Assembly, Calibration, Detection
from gadgets.settings import NodeSettings, RawRepairSettings
from gadgets.stand_ins import assignment_for
from gadgets.wire import Acquisition

logger = logging.getLogger(__name__)


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
        self._detector = detector
        self._on_judged = on_judged
        self._assemblers = Assemblers(encodings)
        self._seen = SeenKSpaces(encodings)
        self._turns = Turns()
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
        return len(self._turns)

    def repair(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give every item in its place, sparks in imaging acquisitions repaired.

        Raises
        ------
        RawDataError, NodeError
            A readout or a k-space cannot be judged, and ``on_failure`` of the stage is fail.
        """
        for item in items:
            held = self._turns.add(item)
            if isinstance(item, Acquisition) and is_imaging(item.fields.flags):
                self._assemble(held, item)
            yield from self._turns.ready()
            while self._settings.acquisition_buffer.holds_too_much(self._turns.n_bytes):
                self._give_up_first()
                yield from self._turns.ready()
        # Which of them comes first does not matter: the queue keeps the order of arrival.
        for closed in self._assemblers.flush():
            self._finish(closed)
        yield from self._turns.ready()
        self._seen.log(logger, "raw_repair")
        if self._n_unjudged:
            logger.warning("raw_repair: %d readouts were passed on unjudged", self._n_unjudged)

    def _give_up_first(self) -> None:
        """Judge the k-space that the queue waits for, whatever it still lacks."""
        first = self._turns.first
        if not isinstance(first, Acquisition):
            raise TypeError(f"expected an acquisition that waits for its k-space, found {type(first).__name__}")
        limit = self._settings.acquisition_buffer.held_limit
        logger.warning("raw_repair: %s goes on incomplete, %d MB wait for k-spaces", describe(first.indices), limit)
        self._finish(self._assemblers.give_up(first))

    def _assemble(self, held: Held, acquisition: Acquisition) -> None:
        # From now on its place in the queue is kept, until its k-space is judged or given up.
        held.is_judged = False
        try:
            closed = self._assemblers.add(acquisition, held)
        except RawDataError as error:
            if self._settings.spark_detection.on_failure == "fail":
                raise
            # Otherwise everything behind it in the queue would wait for ever.
            self._pass_unjudged([acquisition.readout(held)], str(error))
            return
        self._finish(closed)

    def _finish(self, closed: Closed) -> None:
        """Judge k-spaces, and let the readouts go that turned out to belong to none."""
        fewest = self._settings.acquisition_buffer.fewest_readouts
        for acquired in closed.kspaces:
            too_few = reason_too_few(acquired, fewest) if closed.is_gridded else ""
            if too_few:
                self._pass_unjudged(acquired.readouts, too_few)
            else:
                self._judge(acquired, is_gridded=closed.is_gridded)
        self._pass_unjudged(closed.left_over, LEFT_OVER)

    def _pass_unjudged(self, readouts: Sequence[Readout], reason: str) -> None:
        # Once, with the number at the end: a scan may have thousands of them.
        if readouts and not self._n_unjudged:
            logger.warning("raw_repair: a readout is passed on unjudged: %s", reason)
        self._n_unjudged += len(readouts)
        for readout in readouts:
            held_of(readout.source).is_judged = True

    def _judge(self, acquired: AcquiredKSpace, *, is_gridded: bool) -> None:
        self._seen.note(acquired.indices)
        try:
            self._repair(acquired, is_gridded=is_gridded)
        except NodeError:
            raise
        # Most of all a lack of memory for the k-space: its readouts are here, and go on.
        except Exception as error:
            where, reason = describe(acquired.indices), in_words(error)
            if self._settings.acquisition_buffer.on_failure == "fail":
                raise NodeError(f"raw_repair: {where}: {reason}") from error
            logger.exception("raw_repair failed (%s); passed on unjudged", where)
            self._tell_unjudged(acquired, f"passed on unjudged: {reason}")
        for readout in acquired.readouts:
            held_of(readout.source).is_judged = True

    def _tell_unjudged(self, acquired: AcquiredKSpace, warning: str) -> None:
        """Tell of a k-space that was never made; whoever counts the judged ones would not miss it."""
        assembly = Assembly(indices=acquired.indices, readouts=len(acquired.readouts), missing=acquired.n_missing)
        detection = self._reports["spark_detection"].add(Detection(indices=acquired.indices, warning=warning))
        self._on_judged(JudgedKSpace(None, None, assembly, detection, Calibration(indices=acquired.indices)))

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
            write_back(acquired, data, self._settings.mark_user_int)
        # Last: whoever is told sees the acquisitions as they will go out.
        self._on_judged(JudgedKSpace(kspace, data, assembly, detection, calibration))


def _report_of(settings: RawRepairSettings, stage: NodeSettings) -> Path | None:
    return stage.report if stage.report is not None else settings.report
