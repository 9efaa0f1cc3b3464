"""Patches: how is a plane cut, normalised and put together?

The files, there and back:

===================  ===========================================
module               what is in it
===================  ===========================================
``division``         planes, made into patches
``cutting``          the cut itself
``regions``          centre, and all else
``preprocessing``    patches of magnitudes, brought on one scale
``standard_values``  what that scale is
``whole_patches``    calibrated patches, put back
===================  ===========================================
"""

from gadgets.patches.cutting import cut, divide
from gadgets.patches.division import Patches, PatchShape, divide_planes, shape_for, together
from gadgets.patches.preprocessing import MAGNITUDE_SET, Preprocessing, preprocessing_of
from gadgets.patches.regions import INNER, REGIONS, Region, in_centre
from gadgets.patches.standard_values import StandardValue, in_standard_values
from gadgets.patches.whole_patches import pack, write_patches

__all__ = [
    "INNER",
    "MAGNITUDE_SET",
    "REGIONS",
    "PatchShape",
    "Patches",
    "Preprocessing",
    "Region",
    "StandardValue",
    "cut",
    "divide",
    "divide_planes",
    "in_centre",
    "in_standard_values",
    "pack",
    "preprocessing_of",
    "shape_for",
    "together",
    "write_patches",
]
