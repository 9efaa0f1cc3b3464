"""Image check: does the image show an artifact at all?"""

from gadgets.image_check.artifact import has_artifact, open_image_check

__all__ = ["has_artifact", "open_image_check"]
