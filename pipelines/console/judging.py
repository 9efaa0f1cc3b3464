"""What a person says on the console is written down: of sparks, of images, and of the thresholds of the next scan."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from gadgets.detection import CORE
from gadgets.errors import SettingsError, StoreError
from gadgets.findings import Spark
from gadgets.logbook import now
from gadgets.outside import printable
from gadgets.patch_models import Feedback, Impact, ImpactRecord, SetThresholds, append
from gadgets.patches import INNER, Region
from gadgets.settings import SparkDetectionSettings, validate
from pipelines.console.desk import THRESHOLDS, Desk, spark_name

LONGEST_NAME = 60


def judge_spark(desk: Desk, number: int, spark: int, *, was_spark: bool, by: str) -> None:
    """Write down what a person says of a spark.

    Raises
    ------
    StoreError
        There is no such spark, or too little is known of it; or the history cannot be written.
    """
    entry = desk.logbook.entry(number)
    if entry is None or not 0 <= spark < len(entry.found):
        raise StoreError(f"scan {number}: expected a spark with the number {spark}, found none")
    found = entry.found[spark]
    if found.radius is None or found.probability is None:
        raise StoreError(f"scan {number}: written by an older despark, which did not say how sure it was")
    if not 0 <= found.probability <= 1:
        raise StoreError(f"scan {number}: its entry is damaged (a probability of {found.probability})")
    judges = {desk.architectures.get(model.partition(" ")[0]) for model in entry.models} - {None}
    feedback = Feedback(
        of="point",
        # The region whose threshold it had to pass.
        region="centre" if found.radius < CORE else "outer",
        probability=found.probability,
        was_spark=was_spark,
        spark=spark_name(number, entry, spark),
        # Where two kinds of models have judged, nobody knows which of them was right.
        architecture=judges.pop() if len(judges) == 1 else None,
        by=_who(by),
        at=now(),
    )
    append(desk.logbook.path, feedback)


def judge_impact(desk: Desk, name: str, strongest: Spark, standard_values: float, impact: Impact, by: str) -> None:
    """Write down what the strongest spark of an image did to it.

    Parameters
    ----------
    name
        Of the image: see :func:`image_name`.
    strongest, standard_values
        The spark, and its magnitude in standard values.
    impact
        What a person says.
    by
        Who says so.

    Raises
    ------
    StoreError
        Its magnitude is not known, or the history cannot be written.
    """
    if standard_values <= 0:
        raise StoreError(f"{name}: expected the magnitude of its strongest spark in standard values, found none")
    # As impact levels are learnt: by the region of patches, which is wider than that of points.
    region: Region = "centre" if strongest.radius < INNER else "outer"
    said = ImpactRecord(region=region, magnitude=standard_values, impact=impact, spark=name, by=_who(by), at=now())
    append(desk.logbook.path, said)


def set_thresholds(desk: Desk, values: Mapping[str, str], by: str) -> None:
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
    # By way of the settings: what is wrong is told as it would be at the start of a node.
    settings = validate({name: values[name] for name in THRESHOLDS}, SparkDetectionSettings, "spark_detection")
    said = SetThresholds(**settings.model_dump(include=set(THRESHOLDS)), by=_who(by), at=now())
    append(desk.logbook.path, said)


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
