"""Series: what did this place look like before?

The files, in the order in which a k-space meets them:

================  ==================================================
module            what is in it
================  ==================================================
``memory``        what is kept of a scan, place by place
``central``       the middle of a k-space, which is all that is kept
``witness``       what earlier ones say of the one that has come now
``prediction``    each sample as a combination of those of before
``differences``   how they differ from it, and by how much they usually do
``standing_out``  what differs by more than is usual
``one_readout``   whether a readout moved as a whole
``louder``        which of two k-spaces that differ has the spark
================  ==================================================
"""

from gadgets.series.differences import Differences, usual_error
from gadgets.series.louder import DECIDED, louder
from gadgets.series.memory import SeriesMemory
from gadgets.series.witness import Witness

__all__ = ["DECIDED", "Differences", "SeriesMemory", "Witness", "louder", "usual_error"]
