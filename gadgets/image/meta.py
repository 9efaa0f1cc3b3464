"""What an image's meta data say about the sparks of its k-space."""

from __future__ import annotations

from gadgets.records import Calibration, Detection

MetaValue = str | int | float | list[str]


def meta_of(detection: Detection | None, calibration: Calibration | None, *warnings: str) -> dict[str, MetaValue]:
    """Give the meta data of an image, in the spellings of the MRD specification and of Gadgetron.

    Parameters
    ----------
    detection, calibration
        Of the image's k-space; None where that step did not come before.
    warnings
        What else the reader of the image has to know; empty ones are left out.
    """
    comment = _comment(detection, calibration)
    history = ["despark"] + [
        name for name, record in (("spark_detection", detection), ("calibration", calibration)) if record is not None
    ]
    # Both spellings, because readers look for one or the other.
    meta: dict[str, MetaValue] = {
        "DataRole": "Image",
        "GADGETRON_DataRole": "Image",
        "ImageComments": comment,
        "GADGETRON_ImageComment": comment,
        "ImageProcessingHistory": history,
        "GADGETRON_ImageProcessingHistory": history,
    }
    if detection is not None:
        receivers = sorted({receiver for point in detection.points for receiver in point.receivers})
        meta |= {
            "despark_points_found": len(detection.points),
            "despark_target_patches": len(detection.target_patches),
            "despark_patches": detection.patches,
            # One text: a list would become several values of one name, of which despark's own reader takes the first.
            "despark_receivers_hit": " ".join(map(str, receivers)),
            "despark_provider": detection.provider,
        }
        if detection.image_probability is not None:
            meta["despark_image_probability"] = detection.image_probability
    if calibration is not None:
        meta |= {
            "despark_points_repaired": calibration.n_repaired,
            "despark_points_refused": len(calibration.points) - calibration.n_repaired,
        }
    of_records = [record.warning for record in (detection, calibration) if record is not None]
    meta["despark_warnings"] = "; ".join(filter(None, [*warnings, *of_records]))
    return meta


def _comment(detection: Detection | None, calibration: Calibration | None) -> str:
    if detection is None:
        return "despark: not judged"
    # With points it was judged in part; then the numbers say more, and the warning has a place of its own.
    if detection.warning and not detection.points:
        return f"despark: {detection.warning}"
    if detection.image_probability is not None and not detection.patches:
        return "despark: image without artifacts, looked no further"
    text = f"despark: {len(detection.points)} abnormal points found"
    if calibration is None:
        return text
    n_refused = len(calibration.points) - calibration.n_repaired
    text = f"{text}, {calibration.n_repaired} repaired, {n_refused} refused"
    return f"{text} ({calibration.warning})" if calibration.warning else text
