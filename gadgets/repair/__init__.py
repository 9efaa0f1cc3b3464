"""Repair: what belongs there instead?

The files, in the order in which a point meets them:

====================  =============================================================
module                what is in it
====================  =============================================================
``fill``              what belongs there is put in its place, or it stays
``carried``           repairs that detection has computed already
``predicted_once``    predictions that are asked for twice are made once
``bursts``            points that follow each other, and the k-space around them
``quiet``             bursts among noise, where zero is all that can be said
``predictor``         the candidates for all others
``ground``            what several bursts need, each computed once
``candidates``        what one method says, and how wrong that may be
``at_hand``           the two candidates that every burst has: background, and zero
``interpolation``     prediction from neighbours
``series``            prediction from earlier k-spaces
``network``           what a trained network says, and what it sees
``alone``             where signal stands alone, and errors nearby do not hold
``refusal``           whether a point is repaired
``deviations``        the same predictions, asked by detection of its suspects
====================  =============================================================
"""

from gadgets.repair.bursts import Flagged
from gadgets.repair.carried import carried
from gadgets.repair.deviations import Compared, compare, deviations, deviations_from_noise
from gadgets.repair.fill import CUT_SHORT, outcomes_of, repair
from gadgets.repair.network import ValueAssignment, Windows, load_value_assignment, open_value_assignment
from gadgets.repair.predicted_once import Predictions

__all__ = [
    "CUT_SHORT",
    "Compared",
    "Flagged",
    "Predictions",
    "ValueAssignment",
    "Windows",
    "carried",
    "compare",
    "deviations",
    "deviations_from_noise",
    "load_value_assignment",
    "open_value_assignment",
    "outcomes_of",
    "repair",
]
