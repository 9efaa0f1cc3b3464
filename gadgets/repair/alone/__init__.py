"""Alone: where does the object's signal stand alone, so that no place nearby tells how wrong a prediction may be?"""

from gadgets.repair.alone.least_error import least_error
from gadgets.repair.alone.peaks import peaks_of

__all__ = ["least_error", "peaks_of"]
