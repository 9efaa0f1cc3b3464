"""Unrest: how well the rest of a readout fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import object_kspace

from gadgets.detection.unrest import USUAL, unrest_at
from gadgets.evidence.maps import CHANNELS, gather_evidence
from gadgets.kspace.planes import planes_of


def evidence_with(residuals):
    """Evidence of a plane whose residual is as usual but in some samples: ``{(line, first, last): times}``."""
    (plane,) = planes_of(object_kspace(shape=(1, 32, 40)))
    evidence = gather_evidence(plane.data)
    maps = np.zeros_like(evidence.maps)
    for (line, first, last), times in residuals.items():
        maps[CHANNELS.index("residual"), line, first : last + 1] = np.log(times)
    return replace(evidence, maps=maps)


def test_the_rest_of_a_readout_counts_and_not_its_burst():
    evidence = evidence_with({(5, 18, 23): 50.0, (9, 0, 39): 2 * USUAL, (20, 0, 2): 50.0})
    unrest = unrest_at(evidence, np.array([[5, 20], [9, 20], [9, 0], [9, 39], [20, 1], [12, 20]]))
    assert np.allclose(unrest, [1, 4, 4, 4, 1, 1])


@pytest.mark.parametrize("shape", [(1, 32, 8), (1, 9, 12)])
def test_readouts_of_a_few_samples_have_a_rest_too(shape):
    (plane,) = planes_of(object_kspace(shape=shape))
    places = np.argwhere(np.ones(shape[1:], bool))
    assert (unrest_at(gather_evidence(plane.data), places) >= 1).all()
