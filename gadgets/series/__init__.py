"""Series: what did this place look like before?"""

from gadgets.series.louder import DECIDED, louder
from gadgets.series.memory import SeriesMemory
from gadgets.series.standing_out import Differences, usual_error
from gadgets.series.witness import Witness

__all__ = ["DECIDED", "Differences", "SeriesMemory", "Witness", "louder", "usual_error"]
