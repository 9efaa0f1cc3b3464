"""Background: what does the dark part of the image say of a sample?

The files, the first ones serve all others:

======================  =========================================================================
module                  what is in it
======================  =========================================================================
``noise``               what receivers hear where there is no signal
``darkness``            how dark an image is, pixel by pixel
``image_support``       missing samples, such that the background is as dark as it can be
``support_prediction``  what that says of all other samples
``fit``                 the rounds of that
``missing_samples``     between samples, their waves in the image, and the system that they solve
``at_missing``          what is known of them, in little memory
``contrast``            whether an image has a background at all
``joint_search``        which samples, taken together, are not what the background says
``joint_system``        the system of equations of that search
======================  =========================================================================
"""

from gadgets.background.at_missing import AtMissing
from gadgets.background.contrast import contrast_without, is_outshone
from gadgets.background.image_support import innovation_of, predict_from_support
from gadgets.background.joint_search import search_jointly
from gadgets.background.joint_system import MOST
from gadgets.background.noise import noise_of
from gadgets.background.support_prediction import SupportPrediction

__all__ = [
    "MOST",
    "AtMissing",
    "SupportPrediction",
    "contrast_without",
    "innovation_of",
    "is_outshone",
    "noise_of",
    "predict_from_support",
    "search_jointly",
]
