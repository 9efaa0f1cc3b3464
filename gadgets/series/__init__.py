"""Series: what did this place look like before?"""

from gadgets.series.memory import SeriesMemory
from gadgets.series.witness import Differences, Witness, usual_error

__all__ = ["Differences", "SeriesMemory", "Witness", "usual_error"]
