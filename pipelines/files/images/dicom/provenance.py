"""Which programs had a hand in an image, and which image it was made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipelines.files.images.image_file import imported
from pipelines.version import despark_version

PROCESSING_EQUIPMENT = ("109102", "DCM", "Processing Equipment")
SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
"""Codes of the standard (PS3.16): value, scheme and meaning."""


def our_part(what: str) -> Any:  # noqa: ANN401 - pydicom is untyped
    """Give an item of ContributingEquipmentSequence: what despark did, which version of it, and when.

    Manufacturer and model of the image itself stay those of the scanner.
    """
    item = imported("pydicom", "writing DICOM").Dataset()
    item.PurposeOfReferenceCodeSequence = [_code(*PROCESSING_EQUIPMENT)]
    item.Manufacturer = item.ManufacturerModelName = "despark"
    item.SoftwareVersions = despark_version()
    item.ContributionDateTime = datetime.now().strftime("%Y%m%d%H%M%S")
    item.ContributionDescription = what
    return item


def source_of(original: Any) -> Any:  # noqa: ANN401 - pydicom is untyped
    """Give an item of SourceImageSequence: the image that another one was made of."""
    item = imported("pydicom", "writing DICOM").Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = original.SOPClassUID, original.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [_code(*SOURCE_IMAGE)]
    return item


def _code(value: str, scheme: str, meaning: str) -> Any:  # noqa: ANN401 - pydicom is untyped
    item = imported("pydicom", "writing DICOM").Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
