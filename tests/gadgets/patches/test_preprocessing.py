import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import SPARKS, with_sparks

from gadgets.evidence.maps import CHANNELS
from gadgets.kspace.planes import planes_of
from gadgets.patch_models.history import History, ImpactRecord
from gadgets.patches.cutting import divide, relative_positions
from gadgets.patches.division import divide_planes
from gadgets.patches.preprocessing import Preprocessing, preprocess, preprocessing_of
from gadgets.settings import SparkDetectionSettings
from pipelines.files.read_kspaces import read_kspaces

PATCH = (1, 32, 32)


def make_patches(shape=(128, 128), seed=0):
    anchors = divide(shape, (32, 32))
    positions = relative_positions(anchors, (32, 32), (64, 64), shape)
    return np.random.default_rng(seed).rayleigh(1.0, (len(anchors), 1, 32, 32)), positions


def test_max_or_more_is_one_and_min_or_less_is_zero():
    patches, positions = np.array([[[[-1.0, 0.0, 1.0, 2.0, 4.0, 9.0]]]]), np.zeros((1, 4), dtype=np.float32)
    values = preprocess(patches, positions, 2.0, Preprocessing("max_min", in_centre=2.0))
    assert values.dtype == np.float32
    assert values.ravel().tolist() == [0, 0, 0.25, 0.5, 1, 1]


def test_one_max_holds_for_all_patches():
    patches, positions = make_patches()
    values = preprocess(patches, positions, 3.0, Preprocessing("max_min"))
    assert values == pytest.approx(np.clip(patches / 6, 0, 1), abs=1e-6)


def test_max_is_twice_the_standard_value_in_the_centre_and_a_tenth_at_the_edge():
    _, positions = make_patches()
    maxima = Preprocessing("max_min_by_place").maxima(positions, 10.0)
    centre = positions[:, -1] < 0.1
    assert centre.sum() == 4
    assert maxima[centre] == pytest.approx(20)
    assert maxima[~centre] == pytest.approx(1)


def test_nearer_is_larger_up_to_where_the_edge_begins():
    _, positions = make_patches((512, 512))
    positions = relative_positions(divide((512, 512), (32, 32)), (32, 32), (256, 256), (512, 512))
    maxima = Preprocessing("max_min_by_place", edge_distance=0.2).maxima(positions, 1.0)
    border = 1 - np.abs(positions[:, :2]).max(axis=1)
    assert maxima[positions[:, -1] < 0.1] == pytest.approx(2)
    assert maxima[border < 0.2] == pytest.approx(0.1)
    between = (positions[:, -1] > 0.1) & (border > 0.2)
    assert ((maxima[between] > 0.1) & (maxima[between] < 2)).all()
    row = np.flatnonzero((positions[:, 0] > 0) & (np.abs(positions[:, 1] - 1 / 16) < 0.01))
    assert (np.diff(maxima[row]) <= 1e-12).all()
    assert len(set(np.round(maxima[row], 6))) > 4


def test_the_distances_and_multiples_are_those_set():
    _, positions = make_patches()
    settings = SparkDetectionSettings(
        preprocessing="max_min_by_place", centre_distance=0.5, centre_max=4, edge_max=0.2, standard_value="centre"
    )
    how = preprocessing_of(settings)
    assert how.standard_value == "centre"
    maxima = how.maxima(positions, 1.0)
    assert maxima[positions[:, -1] < 0.5] == pytest.approx(4)
    assert maxima[positions[:, -1] >= 0.5] == pytest.approx(0.2)


def test_z_scores_have_no_mean_and_unit_variance_patch_by_patch():
    patches, positions = make_patches()
    patches *= np.arange(1, 17)[:, None, None, None]
    patches[3] = 7
    values = preprocess(patches, positions, 1.0, Preprocessing("z_score"))
    assert values.mean(axis=(1, 2, 3)) == pytest.approx(np.zeros(16), abs=1e-5)
    assert np.delete(values.std(axis=(1, 2, 3)), 3) == pytest.approx(np.ones(15), abs=1e-5)
    assert not values[3].any()


def test_none_leaves_magnitudes_as_they_are():
    patches, positions = make_patches()
    assert np.array_equal(preprocess(patches, positions, 1.0, Preprocessing("none")), patches.astype(np.float32))


def test_a_kspace_of_zeros_stays_one():
    patches, positions = make_patches()
    for kind in ("max_min", "max_min_by_place", "z_score", "none"):
        assert not preprocess(0 * patches, positions, 0.0, Preprocessing(kind)).any()


def test_without_preprocessing_the_models_see_evidence():
    assert preprocessing_of(SparkDetectionSettings()) is None
    planes = list(planes_of(make_scan()))
    assert divide_planes(planes, PATCH, 0).values.shape == (6, len(CHANNELS), 32, 32)


def test_magnitudes_are_one_map_and_show_the_sparks():
    planes = list(planes_of(with_sparks(make_scan(), {(0, 10, 50): None})))
    patches = divide_planes(planes, PATCH, 0, Preprocessing("max_min_by_place", in_centre=2.0, at_edge=0.02))
    assert patches.values.shape == (6, 1, 32, 32)
    here = int(np.flatnonzero((patches.anchors == (0, 0, 32)).all(axis=1))[0])
    assert patches.values[here, 0, 10, 18] == patches.values[here].max() > 5 * np.median(patches.values[here])


def test_cuboids_are_normalised_alike():
    planes = list(planes_of(make_scan(n_partitions=8)))
    patches = divide_planes(planes, (8, 16, 16), 0, Preprocessing("max_min"))
    assert patches.values.shape == (20, 1, 8, 16, 16)
    assert 0 <= patches.values.min() < patches.values.max() <= 1


def test_an_impact_level_of_the_history_is_the_max():
    records = [
        ImpactRecord(region=region, magnitude=unit * factor, impact=impact)
        for region, unit in (("centre", 1.0), ("outer", 0.05))
        for impact, factor in (("low", 1.0), ("impact", 2.0), ("high", 4.0))
        for _ in range(5)
    ]
    for impact, factor in (("low", 1.0), ("impact", 2.0), ("high", 4.0)):
        settings = SparkDetectionSettings(preprocessing="max_min_by_place", impact=impact)
        how = preprocessing_of(settings, History(impacts=records).max_of(settings.impact, settings.standard_value))
        assert (how.in_centre, how.at_edge) == pytest.approx((factor, 0.05 * factor))


@pytest.mark.parametrize("name", ["siemens_gre_2ch", "bruker_tubes_1ch_3sl"])
def test_real_kspaces_saturate_nowhere_in_the_centre_and_hardly_at_the_edge(data_folder, name):
    kspace = next(iter(read_kspaces(data_folder / f"{name}.h5"))).kspace
    planes = [next(iter(planes_of(kspace)))]
    for standard in ("central_area", "artifact_free"):
        settings = SparkDetectionSettings(preprocessing="max_min_by_place", standard_value=standard)
        patches = divide_planes(planes, PATCH, 0, preprocessing_of(settings))
        centre = patches.positions[:, -1] < 0.1
        assert (patches.values[centre] < 1).mean() > 0.999, standard
        assert (patches.values[~centre] < 1).mean() > 0.98, standard
        assert patches.values.max() > 0.05, standard


def test_sparks_reach_max_where_they_are_abnormal():
    planes = list(planes_of(with_sparks(make_scan(), dict.fromkeys(SPARKS), amplitude=1e4)))
    patches = divide_planes(planes, PATCH, 0, Preprocessing("max_min_by_place", "artifact_free", 400.0, 20.0))
    assert (patches.values == 1).sum() >= 3
