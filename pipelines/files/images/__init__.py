"""Images: in which files do people keep them?"""

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
