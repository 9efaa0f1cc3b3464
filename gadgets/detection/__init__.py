"""Detection: which samples are sparks?"""

from gadgets.detection.opening import LooksForSparks, open_detector

__all__ = ["LooksForSparks", "open_detector"]
