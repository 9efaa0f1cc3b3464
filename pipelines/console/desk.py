"""What the console knows and writes down: the logbook of scans, and the history that the next scan reads."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from gadgets.errors import SettingsError, StoreError
from gadgets.logbook import Logbook, ScanEntry
from gadgets.outside import printable
from gadgets.patch_models import Feedback, SetThresholds, append, read_history, thresholds_of
from gadgets.settings import SparkDetectionSettings, validate
from onnx_models.manifest import Architecture, read_manifest

MOST_SCANS = 50
"""That the list shows."""

LONGEST_NAME = 60
ECHO_PEAK = 0.05
"""Radius within which a point has the thresholds of the centre."""

THRESHOLDS = ("threshold", "centre_threshold", "point_threshold", "core_threshold")
"""Settings of ``spark_detection`` that can be set here."""


class InForce(NamedTuple):
    """What the next scan will be judged by: as it was set, as feedback has moved it, and who set it."""

    as_set: Mapping[str, float]
    moved: Mapping[str, float]
    source: str
    changes: Sequence[SetThresholds]
    n_feedback: int


class Desk:
    """Reads the logbook, and writes the history.

    Parameters
    ----------
    logbook
        Of the scans.
    history
        File that the nodes read before each scan; it is made if it is not there.

    Raises
    ------
    StoreError
        The history cannot be written, or is damaged.
    """

    def __init__(self, logbook: Logbook, history: Path) -> None:
        self.logbook = logbook
        self.history = history
        try:
            history.parent.mkdir(parents=True, exist_ok=True)
            # Nodes that are told of a history want one, even if it says nothing yet.
            history.touch()
        except OSError as error:
            raise StoreError(f"{history}: cannot write the history ({error.strerror})") from error
        read_history(history)
        self.architectures: Mapping[str, Architecture] = {
            model.name: model.architecture for model in read_manifest().models
        }

    def scans(self) -> list[tuple[int, ScanEntry]]:
        """Give the last scans with their numbers, the latest first."""
        return self.logbook.last(MOST_SCANS)

    def verdicts(self) -> Mapping[str, bool]:
        """Tell of every spark that somebody has judged whether it was one, by its name."""
        return {each.spark: each.was_spark for each in read_history(self.history).feedback if each.spark}

    def judge(self, number: int, spark: int, *, was_spark: bool, by: str) -> None:
        """Write down what a person says of a spark.

        Raises
        ------
        StoreError
            There is no such spark, or too little is known of it; or the history cannot be written.
        """
        entry = self.logbook.entry(number)
        if entry is None or not 0 <= spark < len(entry.found):
            raise StoreError(f"scan {number}: expected a spark with the number {spark}, found none")
        found = entry.found[spark]
        if found.radius is None or found.probability is None:
            raise StoreError(f"scan {number}: written by an older despark, which did not say how sure it was")
        judges = {self.architectures.get(model.split()[0]) for model in entry.models if model}
        feedback = Feedback(
            of="point",
            region="centre" if found.radius < ECHO_PEAK else "outer",
            probability=found.probability,
            was_spark=was_spark,
            spark=spark_name(number, entry, spark),
            # Where two kinds of models have judged, nobody knows which of them was right.
            architecture=judges.pop() if len(judges) == 1 else None,
            by=_who(by),
            at=_now(),
        )
        append(self.history, feedback)

    def set_thresholds(self, values: Mapping[str, str], by: str) -> None:
        """Set the thresholds of the next scan.

        Raises
        ------
        SettingsError
            One is missing or no number from 0 to 1, or nobody is named.
        StoreError
            The history cannot be written.
        """
        missing = [name for name in THRESHOLDS if name not in values]
        if missing:
            raise SettingsError(f"spark_detection.{missing[0]}: expected a number from 0 to 1, found nothing")
        settings = validate({name: values[name] for name in THRESHOLDS}, SparkDetectionSettings, "spark_detection")
        append(self.history, SetThresholds(**settings.model_dump(include=set(THRESHOLDS)), by=_who(by), at=_now()))

    def in_force(self) -> InForce:
        """Tell by which thresholds the next scan will be judged."""
        history = read_history(self.history)
        settings = SparkDetectionSettings(thresholds_from="history", history=self.history)
        layer = thresholds_of(settings, history)
        defaults = {name: float(getattr(settings, name)) for name in THRESHOLDS}
        as_set = history.thresholds[-1].values if history.thresholds else defaults
        return InForce(as_set, layer.by_name, layer.source, history.thresholds, len(history.newest_feedback))


def spark_name(number: int, entry: ScanEntry, spark: int) -> str:
    """Name a spark of the logbook for good: numbers alone would begin again in another logbook."""
    return f"{entry.ended} scan {number} spark {spark}"


def user_name() -> str:
    """Name the person who has started the console; empty where the system has no name for him."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _who(name: str) -> str:
    name = printable(name.strip())[:LONGEST_NAME]
    if not name:
        raise SettingsError("by: expected the name of who decides this, found nothing")
    return name


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
