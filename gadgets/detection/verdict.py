"""Decides whether a sample is a spark.

What the models say of it and what its prediction says of it are weighed against each other.

Two views that err in different places. The network has learnt what sparks look like; the prediction knows how
far this very sample is from what its surroundings make of it, in units of the error it makes on clean samples nearby.
"""

from __future__ import annotations

import numpy as np

from gadgets.arrays import FloatArray, IntArray

HIT = 3.5
"""A receiver was hit where its sample deviates this many times more than clean samples nearby do."""

FAINTEST = 2.6
"""The least deviation of a spark, however little certainty is asked for: one of 16 clean receivers reaches 2.6 in
every fiftieth sample."""

LENIENCE = 2.0
"""Logits by which a sample may fall short of its threshold, if its deviation makes up for it."""

ORDINARY = 4.0
ORDINARY_IN_CORE = 12.0
"""Deviations that speak neither for nor against a spark: the echo's peak itself reaches the second."""

AGREEMENT = 2.0
"""Logits per factor e of deviation. On files that were left out, and before there was a rule on backgrounds, 2 found
61 % of the sparks inside a tenth of the radius where 0 found 54 %, and changed no clean sample; 3 found no more."""


AGREEMENT_IN_CROWD = 4.0
"""The same for samples that were found together: their deviations are then the better witness."""

POSSIBLE = 1 / (1 + np.exp(7.0))
"""Probability from which on a sample may belong to a crowd."""


def suspicious_from(thresholds: FloatArray) -> FloatArray:
    """Give the probabilities from which on samples are worth a second opinion; shapes ``(line, sample)``."""
    return np.asarray(1 / (1 + np.exp(LENIENCE - _logit(thresholds))))


def hit_from(caution: float) -> float:
    """Give the deviation from which on a receiver was hit: less where less certainty is asked for."""
    return max(HIT * min(caution, 1.0), FAINTEST)


def is_spark(
    probability: float,
    threshold: float,
    deviation: FloatArray,
    *,
    in_core: bool,
    in_crowd: bool = False,
    caution: float = 1.0,
) -> bool:
    """Weigh the network's opinion and the prediction's.

    Parameters
    ----------
    probability, threshold
        Of this sample, from the segmentation and the settings.
    deviation
        From :func:`gadgets.repair.deviations`, shape ``(coil,)``; NaN where it cannot be judged.
    in_core
        Whether the sample lies in the echo's peak.
    in_crowd
        Whether it was found together with others.
    caution
        Times that its deviation has to be larger than usual.
    """
    largest = float(np.nanmax(deviation, initial=0.0))
    if largest <= max(HIT * caution, FAINTEST):
        return False
    agreement = AGREEMENT_IN_CROWD if in_crowd else AGREEMENT
    # A logarithm, as the opinion is in logits: twice the deviation adds as many of them wherever it begins.
    support = agreement * np.log(largest / caution / (ORDINARY_IN_CORE if in_core else ORDINARY))
    # Two witnesses that err in different places: in logits, what they say adds up.
    return bool(_logit(np.array(probability)) - _logit(np.array(threshold)) + support > 0)


def receivers_of(deviation: FloatArray, caution: float = 1.0) -> tuple[int, ...]:
    """Name the receivers in which a sample is to be repaired.

    What reaches two receivers reaches all: in some it is too weak to be seen, but not to be mended.
    """
    hit = receivers_hit(deviation, caution)
    return tuple(range(deviation.size)) if hit.size > 1 else tuple(int(receiver) for receiver in hit)


def receivers_hit(deviation: FloatArray, caution: float = 1.0) -> IntArray:
    """Name the receivers in which a spark is seen, shape ``(n,)``."""
    return np.asarray(np.flatnonzero(deviation > hit_from(caution)))


def _logit(probability: FloatArray) -> FloatArray:
    # A network that says 0 or 1 would outweigh any deviation.
    clipped = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
