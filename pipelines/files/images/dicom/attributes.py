"""What DICOM wants to know of a series, of an image and of its place: attributes by their names in the standard."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ismrmrd.constants import IMTYPE_IMAG, IMTYPE_PHASE, IMTYPE_REAL
from ismrmrd.xsd import ismrmrdHeader

from gadgets.arrays import FloatArray
from gadgets.outside import whole_number
from pipelines.files.images.dicom.header_values import DATE, SHORT, TIME, digits, number, sequence, text, uid, whole
from pipelines.files.images.dicom.provenance import our_part
from pipelines.files.images.geometry import Geometry
from pipelines.files.images.image_file import imported
from pipelines.files.images.raw_image import RawImage

REPAIRED_SERIES = 1000
"""Is added to the series number of the scanner where images were repaired."""

# What DerivationDescription holds at most (a text of the kind ST).
LONG_TEXT = 1024
NAME_CHARACTERS = 36
"""Of a series' name, to which is added what despark did."""

SHOWN = {IMTYPE_PHASE: "P", IMTYPE_REAL: "R", IMTYPE_IMAG: "I"}
"""What pixels show, by MRD's number; magnitudes else."""


def of_the_series(header: ismrmrdHeader, *, is_repaired: bool) -> dict[str, Any]:
    """Give what all images of a series share: patient, study, series, equipment and sequence."""
    study = study_uid(header)
    return {
        # UTF-8: names may be in any script.
        "SpecificCharacterSet": "ISO_IR 192",
        **_of_the_study(header, study),
        **_of_the_equipment(header),
        "ContributingEquipmentSequence": [our_part("sparks looked for and repaired, image reconstructed")],
        **_series(header, study, is_repaired=is_repaired),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "BurnedInAnnotation": "NO",
    }


def study_uid(header: ismrmrdHeader) -> str:
    """Give the identity of the study: that of the header, or one made of the header."""
    generate_uid = imported("pydicom", "writing DICOM").uid.generate_uid
    # Of what the header says: series of one raw file stay together, before and after repair.
    return uid(header, "studyInformation.studyInstanceUID") or str(generate_uid(entropy_srcs=[repr(header)]))


def _of_the_study(header: ismrmrdHeader, study: str) -> dict[str, Any]:
    sex = text(header, "subjectInformation.patientGender")
    return {
        "PatientName": text(header, "subjectInformation.patientName"),
        "PatientID": text(header, "subjectInformation.patientID"),
        "PatientBirthDate": digits(header, "subjectInformation.patientBirthdate", DATE),
        "PatientSex": sex if sex in {"M", "F", "O"} else "",
        "StudyInstanceUID": study,
        "StudyDate": digits(header, "studyInformation.studyDate", DATE),
        "StudyTime": digits(header, "studyInformation.studyTime", TIME),
        "StudyID": text(header, "studyInformation.studyID", SHORT),
        "AccessionNumber": text(header, "studyInformation.accessionNumber", SHORT),
        "ReferringPhysicianName": text(header, "studyInformation.referringPhysicianName"),
        "StudyDescription": text(header, "studyInformation.studyDescription"),
    }


def _of_the_equipment(header: ismrmrdHeader) -> dict[str, Any]:
    system = "acquisitionSystemInformation"
    return {
        "Manufacturer": text(header, f"{system}.systemVendor"),
        "ManufacturerModelName": text(header, f"{system}.systemModel"),
        "InstitutionName": text(header, f"{system}.institutionName"),
        "StationName": text(header, f"{system}.stationName", SHORT),
        "MagneticFieldStrength": number(header, f"{system}.systemFieldStrength_T"),
    }


def _series(header: ismrmrdHeader, study: str, *, is_repaired: bool) -> dict[str, Any]:
    pydicom_uid = imported("pydicom", "writing DICOM").uid
    measurement, now = "measurementInformation", datetime.now()
    frame = uid(header, f"{measurement}.frameOfReferenceUID")
    protocol = text(header, f"{measurement}.protocolName")
    name = text(header, f"{measurement}.seriesDescription") or protocol
    scanning, variant = sequence(header)
    return {
        "SOPClassUID": pydicom_uid.MRImageStorage,
        "Modality": "MR",
        "SeriesInstanceUID": pydicom_uid.generate_uid(),
        "SeriesNumber": int(whole(header, f"{measurement}.initialSeriesNumber") or 1) + REPAIRED_SERIES * is_repaired,
        "SeriesDescription": name_of_series(name, is_repaired=is_repaired),
        "ProtocolName": protocol,
        "PatientPosition": text(header, f"{measurement}.patientPosition", SHORT),
        # Of the study: all its series lie in the same coordinates.
        "FrameOfReferenceUID": frame or pydicom_uid.generate_uid(entropy_srcs=[study]),
        "PositionReferenceIndicator": "",
        "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S"),
        "ScanningSequence": scanning,
        "SequenceVariant": variant,
        "ScanOptions": "",
        "EchoTrainLength": whole(header.encoding[0], "echoTrainLength") or "",
    }


def name_of_series(name: str, *, is_repaired: bool) -> str:
    """Add to the name of a series what despark did, within the 64 characters that DICOM allows."""
    return f"{name[:NAME_CHARACTERS]} (despark: {'repaired' if is_repaired else 'as acquired'})".strip()


def n_repaired(image: RawImage) -> int:
    """Count the points that were repaired for an image, as its meta data say."""
    return whole_number(image.meta.get("despark_points_repaired", "")) or 0


def of_the_image(image: RawImage, header: ismrmrdHeader) -> dict[str, Any]:
    """Give what was done to an image, and how it was acquired."""
    contrast = int(image.fields["contrast"])
    inversion = number(header, "sequenceParameters.TI", contrast)
    repaired = n_repaired(image)
    comment = image.meta.get("ImageComments", "").replace("\\", "/")[:LONG_TEXT]
    return {
        # The fourth value tells a viewer's list which program made it.
        "ImageType": [
            "DERIVED" if repaired else "ORIGINAL",
            "PRIMARY",
            SHOWN.get(int(image.fields["image_type"]), "M"),
            "DESPARK",
        ],
        **({"DerivationDescription": comment} if repaired else {}),
        "ImageComments": comment,
        # DICOM counts from 1, MRD from 0.
        "AcquisitionNumber": int(image.fields["repetition"]) + 1,
        "EchoNumbers": contrast + 1,
        "MRAcquisitionType": "3D" if image.data.shape[1] > 1 else "2D",
        "RepetitionTime": number(header, "sequenceParameters.TR", contrast),
        "EchoTime": number(header, "sequenceParameters.TE", contrast),
        **({"InversionTime": inversion} if inversion != "" else {}),
        "FlipAngle": number(header, "sequenceParameters.flipAngle_deg", contrast),
    }


def of_the_place(place: Geometry, plane: int) -> dict[str, Any]:
    """Give where a plane of an image lies, counted from 0."""
    return {
        "ImagePositionPatient": _shortened(place.plane(plane)),
        "ImageOrientationPatient": _shortened(place.directions[:2].ravel()),
        # DICOM counts rows first.
        "PixelSpacing": _shortened(place.spacing[1::-1]),
        "SliceThickness": short(place.spacing[2]),
    }


def _shortened(values: FloatArray) -> list[float]:
    return [short(value) for value in values]


def short(value: float) -> float:
    """Round to what 16 characters hold with a sign and an exponent."""
    # A zero is added because it takes the sign of a negative zero.
    return float(f"{value:.9g}") + 0.0
