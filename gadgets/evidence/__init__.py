"""Evidence: where does something stand out?

The files, in the order in which a plane meets them:

================  ==========================================================
module            what is in it
================  ==========================================================
``maps``          the twelve maps, and how they are gathered
``seen``          a plane as it is looked at
``levels``        how loud it is around a sample, and where it is loudest
``obvious``       samples that are taken out before all others are looked at
``neighbours``    what neighbours predict
``kernel``        the weights of that
``strengths``     what samples are beyond predictions
``whitening``     what is not as the receivers are correlated
``another_look``  the maps once more, where a few samples were mended
================  ==========================================================
"""

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
