"""A small DICOM file, as an archive would hold it."""

from __future__ import annotations

import numpy as np
import pytest


def dicom_file(path, syntax="1.2.840.10008.1.2.1", **attributes):
    """Write an image of 8 x 8 pixels, in explicit VR; an attribute of None is left out."""
    pydicom = pytest.importorskip("pydicom")
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    plain = {
        "SOPClassUID": pydicom.uid.MRImageStorage,
        "SOPInstanceUID": pydicom.uid.generate_uid(),
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "Rows": 8,
        "Columns": 8,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelData": np.arange(64, dtype="<u2").tobytes(),
    }
    for name, value in (plain | attributes).items():
        if value is not None:
            setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)
