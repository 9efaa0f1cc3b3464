import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.evidence.maps import N_STRIKING, gather_evidence

STRIKING = slice(0, N_STRIKING)


@pytest.mark.parametrize("n_coils", [1, 4, 12])
def test_a_spark_stands_out_in_every_map_of_evidence(n_coils):
    plane = make_plane(n_coils=n_coils)
    quiet = gather_evidence(plane).maps
    sparked = plane.copy()
    rng = np.random.default_rng(1)
    sparked[:, 12, 20] += 500 * np.exp(2j * np.pi * rng.random(n_coils))
    maps = gather_evidence(sparked).maps
    assert (maps[STRIKING, 12, 20] > quiet[STRIKING].max(axis=(1, 2))).all()


def test_evidence_does_not_depend_on_scale_or_phase():
    plane = make_plane()
    maps = gather_evidence(plane).maps
    turned = gather_evidence((plane * np.complex64(3e-7 * np.exp(0.7j))).astype(np.complex64)).maps
    assert np.allclose(maps, turned, atol=2e-2)


def test_holes_are_not_judged_and_change_nothing_elsewhere():
    plane = make_plane()
    valid = np.ones(plane.shape[1:], dtype=bool)
    valid[5, 7] = False
    plane[:, 5, 7] = 0
    evidence = gather_evidence(plane, valid)
    assert not evidence.judged[5, 7]
    assert evidence.maps[STRIKING, 5, 7] == pytest.approx(np.log(0.05))
    assert evidence.judged.sum() == valid.sum()


def test_samples_between_holes_are_not_judged():
    rng = np.random.default_rng(0)
    plane = make_plane(shape=(64, 64))
    plane[:, rng.random((64, 64)) > 0.12] = 0
    assert gather_evidence(plane).judged.mean() < 0.001


def test_an_empty_plane_gives_evidence_of_nothing():
    evidence = gather_evidence(np.zeros((2, 32, 40), dtype=np.complex64))
    assert np.isfinite(evidence.maps).all()
    assert not evidence.judged.any()


@pytest.mark.parametrize("n_lines", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("n_coils", [1, 4])
def test_a_spark_stands_out_among_few_readouts(n_lines, n_coils):
    whole, line = make_plane(n_coils=n_coils, signal=60.0), n_lines // 2
    plane = whole[:, 24 - line : 24 - line + n_lines].copy()
    quiet = gather_evidence(plane)
    plane[:, line, 10] += 200
    evidence = gather_evidence(plane)
    assert evidence.judged.all()
    assert np.isfinite(evidence.maps).all()
    loudest = quiet.maps[STRIKING].max(axis=(1, 2))
    assert (evidence.maps[STRIKING, line, 10] > loudest).mean() > 0.8
