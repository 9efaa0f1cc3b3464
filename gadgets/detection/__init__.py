"""Detection: which samples are sparks?"""

from gadgets.detection.echo_peak import CORE
from gadgets.detection.opening import LooksForSparks, for_one_scan, open_detector

__all__ = ["CORE", "LooksForSparks", "for_one_scan", "open_detector"]
