"""Ground: what is known around the bursts of a k-space, each computed once for all of them?

=================  ======================================================
module             what is in it
=================  ======================================================
``groundwork``     of a whole k-space: centre, partners, rehearsals
``ground``         of one partition: background, levels, usual errors
``errors_nearby``  how wrong a prediction is around a burst
``together``       the samples of many bursts in one row
``rehearsal``      predictions of clean samples that were withheld
=================  ======================================================
"""

from gadgets.repair.ground.errors_nearby import NEARBY, errors_around
from gadgets.repair.ground.ground import Ground
from gadgets.repair.ground.groundwork import Groundwork
from gadgets.repair.ground.rehearsal import Rehearsals, root_mean_square
from gadgets.repair.ground.together import Together

__all__ = [
    "NEARBY",
    "Ground",
    "Groundwork",
    "Rehearsals",
    "Together",
    "errors_around",
    "root_mean_square",
]
