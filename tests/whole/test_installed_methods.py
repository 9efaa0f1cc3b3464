"""The five methods, and the ways to their targets, with the models that are installed."""

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import SPARKS, places, with_sparks

from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from pipelines.files.read_kspaces import read_kspaces

METHODS = {
    "FIG. 8": {"method": "segment"},
    "FIG. 9": {"method": "calibrate"},
    "FIG. 10": {"method": "check_segment"},
    "FIG. 11": {"method": "check_calibrate"},
    "FIG. 12, ViT": {"method": "one_pass"},
    "FIG. 12, CNN and U-Net": {"method": "one_pass", "one_pass_model": "cnn_unet"},
    "FIG. 13, adjacent": {"classifier": "vit", "patch_sets": "adjacent", "image_check": True},
    "FIG. 13, conjugate": {"classifier": "vit", "patch_sets": "conjugate", "image_check": True},
    "FIG. 13, ring": {"method": "one_pass", "patch_sets": "ring", "image_check": True},
    "FIG. 14": {"preprocessing": "max_min_by_place", "image_check": True, "image_model": "vit"},
    "FIG. 15": {"regions": "two", "image_check": True},
    "one model": {"regions": "one"},
    "by variance": {"classifier": "variance"},
    "by accuracy": {"classifier": "accuracy"},
    "segments": {"patch_shape": "segment"},
    "magnitudes": {"preprocessing": "z_score"},
}
CALIBRATING = ("FIG. 9", "FIG. 11", "FIG. 12, ViT", "FIG. 12, CNN and U-Net", "FIG. 13, ring")


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    settings = SparkDetectionSettings(provider="cpu", **METHODS[request.param])
    return request.param, settings, Detector(settings)


def test_sparks_are_found_and_repaired_and_nothing_else_is_changed(method):
    name, settings, detector = method
    clean = make_scan()
    sparked = with_sparks(clean)
    detection = detector.detect(sparked)
    outer = {place for place in SPARKS if place != (0, 34, 44)}
    assert outer <= places(detection) <= set(SPARKS)
    assert (detection.image_probability is not None) is settings.checks_image
    assert all(bool(point.values) is (name in CALIBRATING) for point in detection.points)
    repaired, _ = calibrate(sparked, detection.points, CalibrationSettings(on_failure="fail"))
    changed = {tuple(int(index) for index in place) for place in np.argwhere((repaired != sparked.data).any(axis=0))}
    assert changed == places(detection)
    before, after = (np.linalg.norm(data - clean.data) for data in (sparked.data, repaired))
    assert after < 0.5 * before


@pytest.mark.parametrize("file", ["siemens_gre_2ch", "siemens_epi_2ch"])
def test_clean_recordings_lose_nothing(method, data_folder, file):
    _, _, detector = method
    for acquired in read_kspaces(data_folder / f"{file}.h5"):
        assert detector.detect(acquired.kspace).points == ()


def test_a_clean_image_stops_the_search_on_request():
    settings = SparkDetectionSettings(
        provider="cpu", method="check_segment", when_clean="stop", image_threshold=0.999999
    )
    detection = Detector(settings).detect(make_scan())
    assert detection.patches == 0
    assert detection.warning == ""


def test_a_volume_is_judged_in_cuboids():
    clean = make_scan(n_partitions=16, shape=(40, 48))
    detector = Detector(SparkDetectionSettings(provider="cpu", patch_shape="cuboid"))
    assert detector.detect(clean).points == ()
    sparks = {(3, 8, 12): None, (12, 33, 40): (1,)}
    assert places(detector.detect(with_sparks(clean, sparks))) == set(sparks)
