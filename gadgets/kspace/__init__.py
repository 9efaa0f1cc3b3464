"""K-space: which sample is where, what mirrors it, what is missing?

The files, in the order in which a readout meets them:

====================  ======================================================================
module                what is in it
====================  ======================================================================
``readout``           one readout, and the encoding that it belongs to
``assembly``          from readouts to k-spaces
``placement``         where samples lie in their k-space
``kspace``            the k-space itself
``from_array``        the same of an array in Python
``units``             samples that are far too large or small for single precision
``finite``            samples that are no numbers
``mirroring``         readouts from right to left, turned
``planes``            the acquired lines of each partition, as detection looks at them
``conjugate``         what lies on the other side of the centre, and where that is
====================  ======================================================================
"""

from gadgets.indices import Indices, describe
from gadgets.kspace.assembly import (
    LEFT_OVER,
    AcquiredKSpace,
    Key,
    KSpaceAssembler,
    SeenKSpaces,
    announced_kspaces,
    assemble,
    credible,
    fewest_readouts,
    reason_too_few,
    whole,
)
from gadgets.kspace.conjugate import has_partner, have_partners, partner, predict_conjugate, true_centre
from gadgets.kspace.finite import count_non_finite, is_all_finite, warning_of, without_non_finite
from gadgets.kspace.from_array import kspace_of
from gadgets.kspace.kspace import KSpace
from gadgets.kspace.mirroring import mirrored
from gadgets.kspace.placement import check_size, place_along_readout, place_readouts
from gadgets.kspace.planes import FEWEST_LINES, Plane, planes_of
from gadgets.kspace.readout import (
    ACQ_FIRST_IN_SLICE,
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_IS_REVERSE,
    ACQ_LAST_IN_MEASUREMENT,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
    NOT_IMAGING,
    Encoding,
    Limits,
    Readout,
    is_imaging,
)
from gadgets.kspace.units import in_ordinary_units, in_own_units

__all__ = [
    "ACQ_FIRST_IN_SLICE",
    "ACQ_IS_NOISE_MEASUREMENT",
    "ACQ_IS_REVERSE",
    "ACQ_LAST_IN_MEASUREMENT",
    "ACQ_LAST_IN_REPETITION",
    "ACQ_LAST_IN_SLICE",
    "FEWEST_LINES",
    "LEFT_OVER",
    "NOT_IMAGING",
    "AcquiredKSpace",
    "Encoding",
    "Indices",
    "KSpace",
    "KSpaceAssembler",
    "Key",
    "Limits",
    "Plane",
    "Readout",
    "SeenKSpaces",
    "announced_kspaces",
    "assemble",
    "check_size",
    "count_non_finite",
    "credible",
    "describe",
    "fewest_readouts",
    "has_partner",
    "have_partners",
    "in_ordinary_units",
    "in_own_units",
    "is_all_finite",
    "is_imaging",
    "kspace_of",
    "mirrored",
    "partner",
    "place_along_readout",
    "place_readouts",
    "planes_of",
    "predict_conjugate",
    "reason_too_few",
    "true_centre",
    "warning_of",
    "whole",
    "without_non_finite",
]
