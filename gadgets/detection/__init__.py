"""Detection: which samples are sparks?"""

from gadgets.detection.opening import LooksForSparks, for_one_scan, open_detector

__all__ = ["LooksForSparks", "for_one_scan", "open_detector"]
