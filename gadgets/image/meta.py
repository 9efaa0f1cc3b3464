"""What an image's meta data say about the sparks of its k-space."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gadgets.findings import Spark, counted, sparks_of, strongest_first
from gadgets.records import Calibration, Detection

MetaValue = str | int | float | list[str]

ORIGINAL_SERIES = 1000
"""Is added to the series index of images that were made once more, of the data as acquired."""

MOST_SPARKS = 200
"""Sparks that an image tells of one by one; of more it gives the numbers alone."""


def meta_of(detection: Detection | None, calibration: Calibration | None, *warnings: str) -> dict[str, MetaValue]:
    """Give the meta data of an image, in the spellings of the MRD specification and of Gadgetron.

    Parameters
    ----------
    detection, calibration
        Of the image's k-space; None where that step did not come before.
    warnings
        What else the reader of the image has to know; empty ones are left out.
    """
    sparks = sparks_of(detection, calibration) if detection is not None else ()
    comment = _comment(sparks, detection, calibration)
    history = ["despark"] + [
        name for name, record in (("spark_detection", detection), ("calibration", calibration)) if record is not None
    ]
    meta = _of_every_image(comment, history)
    if detection is not None:
        meta |= _of_detection(detection, sparks)
    if calibration is not None:
        meta |= {
            "despark_points_repaired": calibration.n_repaired,
            "despark_points_refused": len(calibration.points) - calibration.n_repaired,
        }
    of_records = [record.warning for record in (detection, calibration) if record is not None]
    meta["despark_warnings"] = "; ".join(filter(None, [*warnings, *of_records]))
    return meta


def _of_every_image(comment: str, history: list[str], **named: str) -> dict[str, MetaValue]:
    # Both spellings, because readers look for one or the other.
    return {
        "DataRole": "Image",
        "GADGETRON_DataRole": "Image",
        "ImageComments": comment,
        "GADGETRON_ImageComment": comment,
        **named,
        "ImageProcessingHistory": history,
        "GADGETRON_ImageProcessingHistory": history,
    }


def _of_detection(detection: Detection, sparks: Sequence[Spark]) -> dict[str, MetaValue]:
    """Give what despark's own client reads, to which nothing but images may come back."""
    repaired = sorted({receiver for spark in sparks for receiver in spark.receivers_repaired})
    meta: dict[str, MetaValue] = {
        "despark_sparks_found": len(sparks),
        "despark_points_found": len(detection.points),
        "despark_target_patches": len(detection.target_patches),
        "despark_patches": detection.patches,
        # One text: a list would become several values of one name, of which despark's own reader takes the first.
        "despark_receivers_hit": " ".join(map(str, strongest_first(sparks))),
        "despark_receivers_repaired": " ".join(map(str, repaired)),
        "despark_sparks": json.dumps([spark.model_dump(mode="json") for spark in sparks[:MOST_SPARKS]]),
        "despark_shape": " ".join(map(str, detection.shape)),
        "despark_moments": " ".join(map(str, detection.moments)),
        "despark_provider": detection.provider,
    }
    if detection.image_probability is not None:
        meta["despark_image_probability"] = detection.image_probability
    return meta


def original_meta() -> dict[str, MetaValue]:
    """Give the meta data of an image that was made once more, of the data as acquired."""
    comment, name = "despark: as acquired, nothing repaired; the repaired image is in another series", "as acquired"
    return _of_every_image(comment, ["despark"], SeriesDescription=name, GADGETRON_SeriesDescription=name)


def _comment(sparks: Sequence[Spark], detection: Detection | None, calibration: Calibration | None) -> str:
    if detection is None:
        return "despark: not judged"
    # With points it was judged in part; then the numbers say more, and the warning has a place of its own.
    if detection.warning and not detection.points:
        return f"despark: {detection.warning}"
    if detection.image_probability is not None and not detection.patches:
        return "despark: image without artifacts, looked no further"
    if not sparks:
        return "despark: no sparks"
    text = f"despark: {counted(len(sparks), 'spark')} ({counted(len(detection.points), 'sample')})"
    if calibration is None:
        return f"{text} found"
    n_refused = len(calibration.points) - calibration.n_repaired
    text = f"{text}: {counted(calibration.n_repaired, 'sample')} repaired, {n_refused} refused"
    return f"{text} ({calibration.warning})" if calibration.warning else text
