"""Background: what does the dark part of the image say of a sample?"""

from gadgets.background.at_missing import AtMissing
from gadgets.background.contrast import contrast_without, is_outshone
from gadgets.background.image_support import SupportPrediction, innovation_of, predict_from_support
from gadgets.background.joint_search import search_jointly
from gadgets.background.joint_system import MOST
from gadgets.background.noise import noise_of

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
