"""Background: what does the dark part of the image say of a sample?"""

from gadgets.background.darkness import contrast_of
from gadgets.background.image_support import (
    SupportPrediction,
    Withheld,
    contrast_without,
    innovation_of,
    predict_from_support,
)
from gadgets.background.joint_search import MOST, search_jointly

__all__ = [
    "MOST",
    "SupportPrediction",
    "Withheld",
    "contrast_of",
    "contrast_without",
    "innovation_of",
    "predict_from_support",
    "search_jointly",
]
