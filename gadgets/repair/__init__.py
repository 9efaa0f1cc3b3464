"""Repair: what belongs there instead?"""

from gadgets.repair.bursts import Flagged
from gadgets.repair.carried import carried
from gadgets.repair.deviations import Compared, compare, deviations, deviations_from_noise
from gadgets.repair.fill import CUT_SHORT, outcomes_of, repair
from gadgets.repair.predicted_once import Predictions
from gadgets.repair.value_assignment import ValueAssignment, load_value_assignment, open_value_assignment
from gadgets.repair.windows import Windows

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
