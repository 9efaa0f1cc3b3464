"""Assembly: when is a k-space complete, and what does it lack?

====================  ======================================================================
module                what is in it
====================  ======================================================================
``claims``            what the header says of a k-space's size, and how far that is believed
``encodings``         that beside what comes: contradictions, and readouts that fit nowhere
``assembler``         from readouts to k-spaces: when is one of them over?
``open_kspaces``      those that wait for readouts
``layers``            readouts with the same counters, which may make several k-spaces
``succession``        whether a newer repetition or average ends the older one
``missing_readouts``  what came of a k-space, and what it lacks
``missing_kspaces``   what the whole scan lacks
====================  ======================================================================
"""

from gadgets.kspace.assembly.assembler import KSpaceAssembler, assemble
from gadgets.kspace.assembly.claims import credible, whole
from gadgets.kspace.assembly.layers import LEFT_OVER, Key
from gadgets.kspace.assembly.missing_kspaces import SeenKSpaces, announced_kspaces
from gadgets.kspace.assembly.missing_readouts import AcquiredKSpace, fewest_readouts, reason_too_few

__all__ = [
    "LEFT_OVER",
    "AcquiredKSpace",
    "KSpaceAssembler",
    "Key",
    "SeenKSpaces",
    "announced_kspaces",
    "assemble",
    "credible",
    "fewest_readouts",
    "reason_too_few",
    "whole",
]
