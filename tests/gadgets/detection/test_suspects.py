"""Suspects: which samples of target patches are worth a second opinion."""

import numpy as np
from helpers.kspaces import make_scan

from gadgets.detection.suspects import beside_in_readout, collect_suspects
from gadgets.kspace.planes import planes_of
from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patches.division import divide_planes

SHAPE = (64, 96)
THRESHOLDS = {"centre": 0.9, "outer": 0.5}


def suspects_of(marks, calibrated=None):
    """Collect suspects from one target patch whose anchor is line 0, sample 32; marks: place -> probability."""
    (plane,) = planes_of(make_scan(2, shape=SHAPE))
    patches = divide_planes([plane], (1, 32, 32), 0)
    (target,) = (number for number, anchor in enumerate(patches.anchors) if tuple(anchor) == (0, 0, 32))
    probability = np.zeros((1, 1, 32, 32), np.float32)
    for (line, sample), chance in marks.items():
        probability[0, 0, line, sample - 32] = chance
    found = collect_suspects(patches, np.array([target]), Opinions(probability, calibrated), THRESHOLDS)
    return {suspect.place[1:]: suspect for suspect in found}


def test_marked_samples_are_suspected_and_hints_only_where_sparks_hide():
    far, beside, alone, near, peak = (5, 50), (5, 54), (9, 60), (29, 44), (31, 48)
    suspects = suspects_of({far: 0.7, beside: 0.01, alone: 0.01, near: 0.01, peak: 0.95, (29, 45): 1e-4})
    assert set(suspects) == {far, beside, near, peak}
    assert {place for place, suspect in suspects.items() if suspect.is_hint} == {beside, near}
    assert {place for place, suspect in suspects.items() if suspect.in_core} == {peak}
    assert suspects[far].threshold == 0.5
    assert suspects[peak].threshold == 0.9
    assert abs(suspects[far].probability - 0.7) < 1e-6
    assert suspects[far].place == (0, *far)


def test_values_are_taken_only_for_what_the_model_marks():
    calibrated = np.arange(2 * 32 * 32, dtype=np.complex64).reshape(1, 2, 1, 32, 32)
    suspects = suspects_of({(5, 50): 0.7, (5, 51): 0.01, (5, 52): 0.4}, calibrated)
    assert suspects[5, 50].values_of([0, 1]) == ((5 * 32 + 18, 0), (1024 + 5 * 32 + 18, 0))
    assert suspects[5, 51].values is None
    assert suspects[5, 52].values is None


def test_what_is_beside_in_a_readout():
    marked = beside_in_readout(np.array([[0, 3, 1], [1, 4, 20]]), (2, 8, 24))
    assert np.argwhere(marked[0]).tolist() == [[3, sample] for sample in range(7)]
    assert np.argwhere(marked[1]).tolist() == [[4, sample] for sample in range(15, 24)]
