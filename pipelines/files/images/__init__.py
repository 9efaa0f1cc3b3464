"""Images: in which files do people keep them?

The files, containers first, then pixels and places:

=================  ===================================
module             what is in it
=================  ===================================
``opening``        which container is it?
``image_file``     what all have in common
``mrd_images``     MRD images, to be written back
``mrd_series``     their series, checked
``nifti_images``   NIfTI, to be written back
``dicom``          DICOM
``kinds``          what the name of an output asks for
``raw_image``      MRD images as a client writes them
``stored_images``  those that despark wrote
``nifti_volume``   MRD images as a volume
``png_sheet``      MRD images as one picture
``geometry``       where in the patient pixels lie
``pixels``         the number type of a file
=================  ===================================
"""

from pipelines.files.images.dicom.single_file import is_dicom
from pipelines.files.images.image_file import ImageFile, Pixels
from pipelines.files.images.kinds import Target, check_same_kind, named_output
from pipelines.files.images.opening import open_images
from pipelines.files.images.raw_image import ImageWriter, RawImage
from pipelines.files.images.stored_images import StoredImages

__all__ = [
    "ImageFile",
    "ImageWriter",
    "Pixels",
    "RawImage",
    "StoredImages",
    "Target",
    "check_same_kind",
    "is_dicom",
    "named_output",
    "open_images",
]
