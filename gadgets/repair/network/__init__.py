"""Network: what does a trained network say belongs there, and what does it see?"""

from gadgets.repair.network.value_assignment import ValueAssignment, load_value_assignment, open_value_assignment
from gadgets.repair.network.windows import Known, Windows, windows_of

__all__ = ["Known", "ValueAssignment", "Windows", "load_value_assignment", "open_value_assignment", "windows_of"]
