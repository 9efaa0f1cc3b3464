"""Images: in which files do people keep them?"""

from pipelines.files.images.image_file import Pixels
from pipelines.files.images.opening import open_images
from pipelines.files.images.raw_image import ImageWriter, RawImage

__all__ = ["ImageWriter", "Pixels", "RawImage", "open_images"]
