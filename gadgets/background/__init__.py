"""Background: what does the dark part of the image say of a sample?"""

from gadgets.background.darkness import contrast_of
from gadgets.background.image_support import (
    SupportPrediction,
    contrast_without,
    innovation_of,
    predict_from_support,
)
from gadgets.background.joint_search import MOST, search_jointly
from gadgets.background.missing_samples import AtMissing

__all__ = [
    "MOST",
    "AtMissing",
    "SupportPrediction",
    "contrast_of",
    "contrast_without",
    "innovation_of",
    "predict_from_support",
    "search_jointly",
]
