"""Repair: what belongs there instead?"""

from gadgets.repair.deviations import deviations
from gadgets.repair.fill import repair
from gadgets.repair.value_assignment import ValueAssignment, load_value_assignment, open_value_assignment

__all__ = ["ValueAssignment", "deviations", "load_value_assignment", "open_value_assignment", "repair"]
