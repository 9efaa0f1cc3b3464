"""Patch models: which trained models look at the patches, and what do they say of them?

The files, first what is opened before a scan:

======================  =================================================================
module                  what is in it
======================  =================================================================
``choice``              which models do what the settings ask for
``methods``             how they work together
``target_patches``      which patches hold abnormal points (CNN)
``patch_sets``          the same of patches that are judged together (Vision Transformer)
``classifier_choice``   which of these two judges
``without_centre``      a method that leaves out the centre
``abnormal_points``     which samples of the targets are abnormal
``calibrated_patches``  models that also say what should be there
``recorded_patches``    what receivers recorded in patches, and what these make of it
``sample_predictions``  what these see of each receiver
``thresholds``          above which probability something counts
``learnt_thresholds``   what past results and users make of that
``history``             past results, and what people said of what was found
``history_records``     the records of it
``history_store``       where they lie
======================  =================================================================
"""

from gadgets.patch_models.abnormal_points import Opinions, merge
from gadgets.patch_models.choice import Chosen, open_method
from gadgets.patch_models.classifier_choice import most_accurate_before
from gadgets.patch_models.history import History
from gadgets.patch_models.history_records import IMPACTS, Feedback, Impact, ImpactRecord, SetThresholds
from gadgets.patch_models.history_store import append, read_history, take_over
from gadgets.patch_models.learnt_thresholds import Thresholds
from gadgets.patch_models.methods import Method
from gadgets.patch_models.target_patches import select_targets
from gadgets.patch_models.thresholds import raised, thresholds_of

__all__ = [
    "IMPACTS",
    "Chosen",
    "Feedback",
    "History",
    "Impact",
    "ImpactRecord",
    "Method",
    "Opinions",
    "SetThresholds",
    "Thresholds",
    "append",
    "merge",
    "most_accurate_before",
    "open_method",
    "raised",
    "read_history",
    "select_targets",
    "take_over",
    "thresholds_of",
]
