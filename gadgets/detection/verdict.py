"""Decides which samples are sparks.

What the models say of it and what its prediction says of it are weighed against each other.

Two views that err in different places. The network has learnt what sparks look like; the prediction knows how
far this very sample is from what its surroundings make of it, in units of the error it makes on clean samples nearby.
"""

from __future__ import annotations

import numpy as np

from gadgets.arrays import BoolArray, FloatArray, IntArray

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


def are_sparks(
    probability: FloatArray,
    threshold: FloatArray,
    deviation: FloatArray,
    *,
    in_core: BoolArray,
    in_crowd: BoolArray,
    caution: FloatArray | float = 1.0,
) -> BoolArray:
    """Weigh the network's opinion and the prediction's, for many samples at once; shape ``(n,)``.

    Parameters
    ----------
    probability, threshold
        Of each sample, from the segmentation and the settings, shape ``(n,)``.
    deviation
        From :func:`gadgets.repair.deviations`, shape ``(n, coil)``; NaN where it cannot be judged.
    in_core
        Whether a sample lies in the echo's peak, shape ``(n,)``.
    in_crowd
        Whether it was found together with others, shape ``(n,)``.
    caution
        Times that its deviation has to be larger than usual; for all of them, or shape ``(n,)``.
    """
    largest = np.nanmax(deviation, axis=1, initial=0.0)
    is_hit = largest > np.maximum(HIT * caution, FAINTEST)
    ordinary = np.where(in_core, ORDINARY_IN_CORE, ORDINARY)
    agreement = np.where(in_crowd, AGREEMENT_IN_CROWD, AGREEMENT)
    # A logarithm, as the opinion is in logits: twice the deviation adds as many of them wherever it begins.
    support = agreement * np.log(np.where(is_hit, largest, ordinary) / caution / ordinary)
    # Two witnesses that err in different places: in logits, what they say adds up.
    return np.asarray(is_hit & (_logit(probability) - _logit(threshold) + support > 0))


def receivers_of(hit: IntArray, n_receivers: int) -> tuple[int, ...]:
    """Name the receivers in which a sample is to be repaired, `hit` being those in which a spark is seen.

    What reaches two receivers reaches all: in some it is too weak to be seen, but not to be mended.
    """
    return tuple(range(n_receivers)) if hit.size > 1 else tuple(hit.tolist())


def _logit(probability: FloatArray) -> FloatArray:
    # A network that says 0 or 1 would outweigh any deviation.
    clipped = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
