"""Stand-ins for models that cannot be opened once a scan runs: what is not there costs judgement, and no data.

Before a scan the same faults are errors: ``despark`` commands open everything once, and refuse to start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gadgets.arrays import ComplexArray
from gadgets.detection import LooksForSparks, for_one_scan, open_detector
from gadgets.errors import ModelError, SettingsError, StoreError, in_words
from gadgets.kspace import KSpace
from gadgets.logbook import Report, note_scan
from gadgets.outside import without_folders
from gadgets.records import Detection
from gadgets.repair import ValueAssignment, Windows, open_value_assignment
from gadgets.settings import CalibrationSettings, OnFailure, SparkDetectionSettings
from onnx_models.manifest import MANIFEST_NAME, models_folder

logger = logging.getLogger(__name__)

OpenedT = TypeVar("OpenedT")


class Unjudged:
    """Stands for a detector that cannot be opened: every k-space goes on, and its record says why.

    Parameters
    ----------
    reason
        Why there is no detector.
    """

    provider = ""
    models = ()

    def __init__(self, reason: str) -> None:
        self._warning = f"passed on unjudged: {reason}"

    def detect(self, kspace: KSpace) -> Detection:
        """Judge nothing."""
        return Detection(indices=kspace.indices, warning=self._warning)


class NoAssignment(ValueAssignment):
    """Stands for a network that cannot be opened: what it should repair stays as it was acquired.

    Parameters
    ----------
    reason
        Why there is none.
    """

    provider = ""

    # Instead of the network's own: there is no model to keep.
    def __init__(self, reason: str) -> None:
        self._reason = reason

    def correction(self, windows: Windows) -> ComplexArray:  # noqa: ARG002 - the signature of the network
        """Raise ModelError with the reason."""
        raise ModelError(self._reason)


def detector_for(settings: SparkDetectionSettings) -> LooksForSparks:
    """Open a detector for a scan that runs; with ``on_failure`` pass one that judges nothing stands for it.

    Raises
    ------
    SettingsError
        A setting is wrong in itself.
    DesparkError
        It cannot be opened, and ``on_failure`` is fail.
    """
    named = (models_folder(settings.models), settings.history)

    def for_this_scan() -> LooksForSparks:
        return for_one_scan(open_detector(settings), settings)

    detector = _opened(for_this_scan, Unjudged, settings.on_failure, "spark_detection", named)
    note_scan(models=detector.models)
    return detector


def assignment_for(settings: CalibrationSettings, report: Report) -> ValueAssignment | None:
    """Open the network of a repair for a scan that runs; raises as :func:`detector_for`."""

    def without(reason: str) -> ValueAssignment:
        report.warn(f"not repaired: {reason}")
        return NoAssignment(reason)

    named = (models_folder(settings.models), None)
    return _opened(lambda: open_value_assignment(settings), without, settings.on_failure, "calibration", named)


def _opened(
    open_it: Callable[[], OpenedT],
    instead: Callable[[str], OpenedT],
    on_failure: OnFailure,
    node: str,
    named: tuple[Path, Path | None],
) -> OpenedT:
    try:
        return open_it()
    # Whatever a library or a disk raises: the data of the scan are here, and nothing else can be done with them.
    except Exception as error:
        # A setting that is wrong is so for every scan and was to be mended before; a file may be gone for a moment.
        is_wrong = isinstance(error, SettingsError) and not isinstance(error, StoreError)
        if is_wrong or on_failure == "fail":
            raise
        models, history = named
        # What lies in a folder of models has names of ours; other files, too, may be called after patients.
        reason = without_folders(in_words(error), [models / MANIFEST_NAME])
        in_log, in_record = (reason, reason) if history is None else _for_log_and_record(reason, history)
        logger.warning("%s: cannot be opened, the scan goes on as acquired: %s", node, in_log)
        return instead(in_record)


def _for_log_and_record(reason: str, history: Path) -> tuple[str, str]:
    # Records go with images, farther than logs do: there not even the file's own name is told.
    return without_folders(reason, [history]), without_folders(reason.replace(str(history), "the history"), [history])
