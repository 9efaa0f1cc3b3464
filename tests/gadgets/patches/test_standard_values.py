import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.evidence.maps import gather_evidence
from gadgets.kspace.planes import planes_of
from gadgets.patches.standard_values import MULTIPLES, abnormal_by, magnitudes_of, standard_value
from pipelines.files.read_kspaces import read_kspaces


def make_magnitudes(shape=(40, 48), seed=0):
    """Noise of magnitude about 1 on a peak of 100 in the middle."""
    rng = np.random.default_rng(seed)
    line, sample = np.indices(shape)
    peak = 100 * np.exp(-((line - shape[0] // 2) ** 2 + (sample - shape[1] // 2) ** 2) / 20)
    return rng.rayleigh(0.8, shape) + peak


ALL = np.ones((40, 48), dtype=bool)


def test_the_three_standard_values_are_what_they_are_called():
    magnitudes = make_magnitudes()
    assert standard_value(magnitudes, (20, 24), ALL, "centre") == magnitudes[20, 24]
    area = np.sqrt((magnitudes[18:23, 22:27] ** 2).sum())
    assert standard_value(magnitudes, (20, 24), ALL, "central_area") == pytest.approx(area)
    assert standard_value(magnitudes, (20, 24), ALL, "artifact_free") == pytest.approx(magnitudes.mean(), rel=0.01)


def test_the_central_area_ends_at_the_border():
    magnitudes = np.ones((10, 12))
    assert standard_value(magnitudes, (0, 11), np.ones((10, 12), dtype=bool), "central_area") == pytest.approx(3)


def test_points_with_artifacts_and_samples_that_are_not_there_do_not_count():
    magnitudes = make_magnitudes()
    clean = standard_value(magnitudes, (20, 24), ALL, "artifact_free")
    sparked = magnitudes.copy()
    sparked[3, 4] = sparked[33, 40] = 1e5
    assert standard_value(sparked, (20, 24), ALL, "artifact_free") == pytest.approx(clean, rel=0.01)
    there = ALL.copy()
    there[:4] = False
    holes = np.where(there, magnitudes, 0)
    assert standard_value(holes, (20, 24), there, "artifact_free") == pytest.approx(magnitudes[4:].mean(), rel=0.02)
    assert standard_value(np.zeros((40, 48)), (20, 24), ALL, "artifact_free") == 0


def test_a_point_is_abnormal_from_its_multiple_of_the_standard_value_on():
    magnitudes = np.array([[0.19, 0.2, 3.9, 4.0]])
    assert abnormal_by(magnitudes, 2.0 * np.array([[0.1, 0.1, 2.0, 2.0]])).tolist() == [[False, True, False, True]]


def test_a_spark_in_one_receiver_stands_out_of_all_receivers_together():
    plane = make_plane(0, 8, (64, 80), 30.0)
    sparked = plane.copy()
    sparked[3, 10, 50] += 60
    clean, hit = (magnitudes_of(gather_evidence(each).maps) for each in (plane, sparked))
    root = np.sqrt((np.abs(sparked) ** 2).mean(axis=0))
    assert hit[10, 50] / np.median(hit[8:13, 48:53]) > root[10, 50] / np.median(root[8:13, 48:53])
    assert np.median(np.abs(np.log(hit / clean))) < 0.02


@pytest.mark.parametrize(("kind", "share"), [("centre", 0.05), ("central_area", 1e-3), ("artifact_free", 1e-3)])
def test_real_clean_kspaces_have_hardly_any_abnormal_points_and_strong_sparks_are_some(data_folder, kind, share):
    for name in ("siemens_gre_2ch", "bruker_tubes_1ch_3sl", "siemens_phantom_se_32ch_64"):
        kspace = next(iter(read_kspaces(data_folder / f"{name}.h5"))).kspace
        evidence = gather_evidence(next(iter(planes_of(kspace))).data)
        magnitudes = magnitudes_of(evidence.maps)
        standard = standard_value(magnitudes, evidence.centre, evidence.judged, kind)
        multiples = np.where(evidence.radius < 0.1, *MULTIPLES[kind])
        assert abnormal_by(magnitudes, multiples * standard).mean() < share
        # A spark that is seen as plain stripes in the image has the noise times the root of the number of samples.
        outer = magnitudes[evidence.radius > 0.3]
        spark = 4 * np.sqrt(magnitudes.size)
        assert abnormal_by(outer + spark, MULTIPLES[kind][1] * standard).all()
