"""The three shapes of patches, by hand and by the data: what is cut, how often, and what detection makes of it."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import places, with_sparks
from helpers.striking_models import write_striking_models

from gadgets.detection.detector import Detector
from gadgets.kspace.planes import planes_of
from gadgets.patches.cutting import divide
from gadgets.patches.division import divide_planes, shape_for, together
from gadgets.settings import SparkDetectionSettings
from pipelines.files.read_kspaces import read_kspaces


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for patch in ((32,), (32, 32), (8, 16, 16)):
        write_striking_models(folder, patch)
    return folder


def first_lines(kspace, n_lines, first=30):
    """Leave all but a few lines of a k-space."""
    sampled = np.zeros_like(kspace.sampled)
    sampled[:, first : first + n_lines] = True
    return replace(kspace, sampled=sampled, data=np.where(sampled, kspace.data, 0))


@pytest.mark.parametrize(
    ("shape", "patch", "count", "last"),
    [
        # Source document, FIG. 6: 426 x 1024 samples are 14 x 32 = 448 patches, the last row moved inwards.
        ((1, 426, 1024), (1, 32, 32), 448, (0, 394, 992)),
        ((1, 1024, 426), (1, 32, 32), 448, (0, 992, 394)),
        ((5, 426, 1024), (1, 32, 32), 5 * 448, (4, 394, 992)),
        ((1, 7, 100), (1, 1, 32), 7 * 4, (0, 6, 68)),
        ((20, 40, 50), (8, 16, 16), 3 * 3 * 4, (12, 24, 34)),
        ((16, 32, 32), (16, 16, 16), 4, (0, 16, 16)),
    ],
)
def test_patches_are_equal_and_the_last_ones_are_moved_inwards(shape, patch, count, last):
    anchors = divide(shape, patch)
    assert len(anchors) == count
    assert tuple(anchors[-1]) == last
    covered = np.zeros(shape, dtype=bool)
    for anchor in anchors:
        inside = tuple(slice(at, at + size) for at, size in zip(anchor, patch, strict=True))
        assert covered[inside].shape == patch
        covered[inside] = True
    assert covered.all()


def test_with_overlap_a_spark_lies_in_several_patches():
    def patches_with(place, overlap):
        anchors = divide((64, 96), (32, 32), overlap)
        return int(np.all((anchors <= place) & (np.array(place) < anchors + 32), axis=1).sum())

    assert [patches_with((40, 40), overlap) for overlap in (0, 16)] == [1, 4]


def test_overlap_is_chosen_by_hand(models):
    kspace = with_sparks(make_scan(), {(0, 40, 40): None})
    alone, several = (
        Detector(SparkDetectionSettings(models=models, provider="cpu", patch_overlap=overlap)).detect(kspace)
        for overlap in (0, 16)
    )
    assert (alone.patches, several.patches) == (2 * 3, 3 * 4)
    assert (len(alone.target_patches), len(several.target_patches)) == (1, 4)
    assert places(alone) == places(several) == {(0, 40, 40)}


def test_planes_become_segments_rectangles_or_cuboids():
    planes = list(planes_of(make_scan(n_coils=1, n_partitions=3, shape=(24, 40))))
    segments = divide_planes(planes[:1], (1, 1, 32), 0)
    assert (segments.values.shape, segments.positions.shape) == ((48, 12, 1, 32), (48, 4))
    rectangles = divide_planes(planes[:1], (1, 16, 16), 0)
    assert (rectangles.values.shape, rectangles.positions.shape) == ((6, 12, 16, 16), (6, 4))
    cuboids = divide_planes(planes, (2, 8, 16), 0)
    assert (cuboids.values.shape, cuboids.positions.shape) == ((2 * 3 * 3, 12, 2, 8, 16), (18, 5))


def test_cuboids_reach_over_all_planes_of_the_same_lines():
    planes = [*planes_of(make_scan(n_partitions=3)), *planes_of(make_scan(n_partitions=2, shape=(48, 80)))]
    assert [len(group) for group in together(planes, "cuboid")] == [3, 2]
    assert [len(group) for group in together(planes, "rectangle")] == [1] * 5


def test_the_datas_dimensions_choose_the_shape():
    auto, by_hand = (SparkDetectionSettings(patch_shape=shape) for shape in ("auto", "rectangle"))
    volume = make_scan(1, n_partitions=16, shape=(16, 16))
    holes = volume.sampled.copy()
    holes[:, 1::2] = False
    assert shape_for(volume, auto) == "cuboid"
    assert shape_for(replace(volume, sampled=holes), auto) == "rectangle"
    assert shape_for(make_scan(1, n_partitions=15, shape=(16, 16)), auto) == "rectangle"
    assert shape_for(make_scan(1), auto) == "rectangle"
    assert shape_for(first_lines(make_scan(1), 7), auto) == "segment"
    assert shape_for(volume, by_hand) == "rectangle"


SPARK = (0, 33, 60)


@pytest.mark.parametrize("n_lines", [1, 4, 7])
def test_few_readouts_are_judged_as_segments(models, n_lines):
    kspace = first_lines(make_scan(), n_lines, first=33)
    sparked = first_lines(with_sparks(make_scan(), {SPARK: None}), n_lines, first=33)
    detector = Detector(SparkDetectionSettings(models=models, provider="cpu", patch_shape="auto"))
    clean, found = detector.detect(kspace), detector.detect(sparked)
    assert clean.points == ()
    assert places(found) == {SPARK}
    assert found.patches == 3 * n_lines
    assert {patch.shape for patch in found.target_patches} == {(1, 1, 32)}
    assert found.warning == ""


def test_few_readouts_are_not_judged_as_rectangles(models):
    detector = Detector(SparkDetectionSettings(models=models, provider="cpu"))
    judged = detector.detect(first_lines(with_sparks(make_scan(), {SPARK: None}), 7))
    assert judged.patches == 0
    assert judged.warning == "not judged: no partition has 8 readouts to compare"


@pytest.mark.parametrize(("shape", "n_patches"), [("segment", 18 * 24 * 2), ("cuboid", 3 * 2 * 3), ("auto", 18)])
def test_a_volume_is_judged_in_patches_of_each_shape(models, shape, n_patches):
    kspace = make_scan(4, n_partitions=18, shape=(24, 48))
    sparked = with_sparks(kspace, {(3, 5, 10): None, (17, 20, 40): None})
    detector = Detector(SparkDetectionSettings(models=models, provider="cpu", patch_shape=shape))
    assert detector.detect(kspace).points == ()
    found = detector.detect(sparked)
    assert places(found) == {(3, 5, 10), (17, 20, 40)}
    assert found.patches == n_patches
    assert {patch.shape for patch in found.target_patches} == {(1, 1, 32) if shape == "segment" else (8, 16, 16)}


def test_the_shape_of_real_kspaces(data_folder):
    auto = SparkDetectionSettings(patch_shape="auto")
    shapes = {"syn_mni152_3d_8ch": "cuboid", "siemens_gre_2ch": "rectangle", "lf055_brain7B_fse": "rectangle"}
    for name, shape in shapes.items():
        assert shape_for(next(iter(read_kspaces(data_folder / f"{name}.h5"))).kspace, auto) == shape
