"""What the images of a scan tell of it in their meta data, where no node could tell more."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter, ValidationError

from gadgets.findings import Spark
from gadgets.outside import whole_number
from pipelines.replay.scan_output import ImageResult
from pipelines.replay.scan_report import KSpaceReport, Totals, total

logger = logging.getLogger(__name__)

_SPARKS = TypeAdapter(tuple[Spark, ...])


def from_images(images: Iterable[ImageResult]) -> tuple[tuple[KSpaceReport, ...], Totals]:
    """Tell what images' meta data tell of a scan that ran elsewhere: sparks and numbers, no single points."""
    images = tuple(images)
    kspaces = tuple(_of_image(image) for image in images)
    counts: Counter[str] = Counter()
    for image in images:
        for name in ("points_found", "target_patches", "points_repaired", "points_refused", "sparks_found"):
            counts[name] += _numbers(image.meta, name)[0]
    totals = total(kspaces).model_copy(
        update={
            "target_patches": counts["target_patches"],
            # An image tells of so many sparks one by one, and of all in numbers.
            "sparks": counts["sparks_found"],
            "points": counts["points_found"],
            "repaired": counts["points_repaired"],
            "refused": counts["points_refused"],
            # Not sorted: each image names the one that was hit hardest first.
            "receivers": tuple(dict.fromkeys(each for image in images for each in _receivers(image, "hit"))),
            "receivers_repaired": tuple(sorted({each for image in images for each in _receivers(image, "repaired")})),
        }
    )
    return kspaces, totals


def _of_image(image: ImageResult) -> KSpaceReport:
    warning = image.meta.get("despark_warnings", "")
    shape, moments = _numbers(image.meta, "shape", 4), _numbers(image.meta, "moments", 2)
    return KSpaceReport(
        indices=image.indices,
        shape=(shape[0], shape[1], shape[2], shape[3]),
        moments=(moments[0], moments[1]),
        sparks=_sparks(image.meta.get("despark_sparks", "[]")),
        patches=_numbers(image.meta, "patches")[0],
        provider=image.meta.get("despark_provider", ""),
        warnings=(warning,) if warning else (),
    )


def _sparks(text: str) -> tuple[Spark, ...]:
    try:
        return _SPARKS.validate_json(text)
    except ValidationError:
        # An older or newer despark may tell it otherwise; the numbers are there all the same.
        logger.warning("the sparks in an image's meta data cannot be read")
        return ()


def _numbers(meta: Mapping[str, str], name: str, count: int = 1) -> list[int]:
    """Read whole numbers from the meta data; zeros where there are none."""
    words = meta.get(f"despark_{name}", "").split()
    # Meta data may come from any program: what does not look as ours does counts as not there.
    numbers = [number for word in words if (number := whole_number(word)) is not None]
    return numbers if len(words) == len(numbers) == count else [0] * count


def _receivers(image: ImageResult, what: str) -> list[int]:
    words = image.meta.get(f"despark_receivers_{what}", "").split()
    return [number for word in words if (number := whole_number(word)) is not None]
