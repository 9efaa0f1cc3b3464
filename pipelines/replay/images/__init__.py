"""Images: what if there are no raw data?"""

from pipelines.replay.images.image_repair import ImageRepair
from pipelines.replay.images.image_repairer import ImageRepairer, doubt_of, kspace_of_image

__all__ = [
    "ImageRepair",
    "ImageRepairer",
    "doubt_of",
    "kspace_of_image",
]
