"""CNN or Vision Transformer: which of the two first classification models judges, where the settings leave it open.

Source document: chosen by the intensity variance between points (high: CNN, low: ViT), or by the accuracy that each
had in past calibrations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from gadgets.kspace import Plane
from gadgets.local_statistics import total_power
from onnx_models.model_entry import ModelEntry

ClassifierKind = Literal["cnn", "vit"]
KINDS: tuple[ClassifierKind, ...] = ("cnn", "vit")
"""In the order of preference, where both are equally accurate."""

HIGH_VARIANCE = 5.0
"""On eight files left out of one training, as recorded and with noise added, the Vision Transformer that judges rings
took 11 of 719 patches without sparks for targets below this, the CNN 14; above it 210 and 137 of 4820. Missed sparks
do not tell them apart: none of 29 below, 7 and 5 of 465 above. The Vision Transformer takes four fifths of the time.
The value was chosen on these same files, and few of their patches are below it.
"""


def intensity_variance(planes: Sequence[Plane]) -> float:
    """Give the variance of the magnitude over its squared mean, of all acquired samples of some planes.

    Magnitude is the root mean square over the receivers. Noise of one receiver has 0.27, of many less; most recorded
    k-spaces have 5 to 20, those at low field or away from the centre of a 3D scan below 1, a sharp peak 50 and more.
    """
    # Samples that were not acquired are zero, and would add to the variance.
    powers = [total_power(plane.data)[plane.valid] / len(plane.data) for plane in planes]
    magnitude = np.sqrt(np.concatenate(powers), dtype=np.float64)
    mean = float(magnitude.mean()) if magnitude.size else 0.0
    return float(magnitude.var()) / mean**2 if mean > 0 else 0.0


def kind_for(planes: Sequence[Plane]) -> ClassifierKind:
    """Choose by the intensity variance of some planes."""
    # All receivers and planes together, as they are judged together.
    return "cnn" if intensity_variance(planes) > HIGH_VARIANCE else "vit"


def most_accurate_before(past: Mapping[str, float]) -> ClassifierKind | None:
    """Choose by the accuracy of each architecture in past calibrations; None unless both have one."""
    # One that was never used has no accuracy: it is neither better nor worse.
    if not all(kind in past for kind in KINDS):
        return None
    return max(KINDS, key=lambda kind: past[kind])


def most_accurate(past: Mapping[str, float], entries: Mapping[ClassifierKind, Sequence[ModelEntry]]) -> ClassifierKind:
    """Choose by accuracy.

    Parameters
    ----------
    past
        Accuracy of each architecture in past calibrations; it counts if both have one.
    entries
        Models of each kind; otherwise the share of sparks that the manifest says each found counts.
    """
    before = most_accurate_before(past)
    if before is not None:
        return before
    return max(entries, key=lambda kind: float(np.mean([_found(entry) for entry in entries[kind]])))


def _found(entry: ModelEntry) -> float:
    """Share of the sparks that a model found on files it was not trained on; 0 where nobody has measured it."""
    score = entry.scores.get("found", 0.0)
    if isinstance(score, float):
        return score
    # Scores may be texts for people, with their counts in brackets: 95.7 % (870/909).
    counts = re.search(r"\((\d+)/(\d+)\)", score)
    return int(counts[1]) / max(int(counts[2]), 1) if counts else 0.0
