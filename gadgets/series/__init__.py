"""Series: what did this place look like before?"""

from gadgets.series.memory import SeriesMemory
from gadgets.series.standing_out import Differences, usual_error
from gadgets.series.witness import Witness

__all__ = ["Differences", "SeriesMemory", "Witness", "usual_error"]
