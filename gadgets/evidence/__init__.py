"""Evidence: where does something stand out?"""

from gadgets.evidence.another_look import look_again
from gadgets.evidence.levels import radii
from gadgets.evidence.maps import CHANNELS, EVIDENCE_SET, Evidence, gather_evidence
from gadgets.evidence.neighbours import predict
from gadgets.evidence.strengths import SMALLEST

__all__ = [
    "CHANNELS",
    "EVIDENCE_SET",
    "SMALLEST",
    "Evidence",
    "gather_evidence",
    "look_again",
    "predict",
    "radii",
]
