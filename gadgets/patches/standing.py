"""How strong a sample is, in the units in which impact levels are learnt."""

from __future__ import annotations

import numpy as np

from gadgets.evidence import gather_evidence
from gadgets.kspace import KSpace, planes_of
from gadgets.patches.standard_values import StandardValue, magnitudes_of, standard_value


def in_standard_values(kspace: KSpace, place: tuple[int, int, int], kind: StandardValue = "central_area") -> float:
    """Give the magnitude of a sample in standard values of its partition, as Max-Min normalisation has them.

    Parameters
    ----------
    kspace
        As acquired.
    place
        Partition, line and sample.
    kind
        Of the standard value.

    Returns
    -------
        0 where it cannot be told: the partition has too few lines, or holds nothing but zeros.
    """
    partition, line, sample = place
    # `planes_of` is told what to leave out.
    others = set(range(kspace.data.shape[1])) - {partition}
    for plane in planes_of(kspace, others):
        evidence = gather_evidence(plane.data, plane.valid, without_obvious=True)
        magnitudes = magnitudes_of(evidence.maps) * evidence.noise
        standard = standard_value(magnitudes, evidence.centre, evidence.judged, kind)
        magnitude = float(magnitudes[plane.index_of(line, sample)])
        return magnitude / standard if standard > 0 and np.isfinite(magnitude) else 0.0
    return 0.0
