"""Evidence: where does something stand out?"""

from gadgets.evidence.levels import radii
from gadgets.evidence.maps import CHANNELS, EVIDENCE_SET, SMALLEST, Evidence, gather_evidence
from gadgets.evidence.neighbours import predict

__all__ = ["CHANNELS", "EVIDENCE_SET", "SMALLEST", "Evidence", "gather_evidence", "predict", "radii"]
