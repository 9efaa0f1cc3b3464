import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.small_models import add_set_classifier
from helpers.sparks import places, with_sparks

from gadgets.detection.detector import Detector
from gadgets.kspace.planes import planes_of
from gadgets.patch_models.abnormal_points import Opinions
from gadgets.patch_models.methods import Judgement
from gadgets.patch_models.without_centre import WithoutCentre
from gadgets.patches.division import divide_planes
from gadgets.patches.regions import in_centre
from gadgets.settings import SparkDetectionSettings


class Remembers:
    """Takes every patch for a target, and keeps the anchors of those it was shown."""

    def __init__(self):
        self.judged, self.looked_into = [], []

    def judge(self, patches, thresholds):  # noqa: ARG002
        self.judged.append(patches.anchors)
        return Judgement(np.linspace(0.6, 0.9, len(patches), dtype=np.float32))

    def find(self, patches, judgement, targets):
        assert len(judgement.probability) == len(patches)
        self.looked_into.append(patches.anchors[targets])
        return Opinions(np.zeros((len(targets), *patches.shape), dtype=np.float32))

    def name_for(self, region):
        return region


@pytest.fixture(scope="module")
def patches():
    (plane,) = planes_of(make_scan(shape=(160, 192)))
    return divide_planes([plane], (1, 32, 32), 0)


def test_the_centre_is_neither_judged_nor_looked_into(patches):
    inner = Remembers()
    method = WithoutCentre(inner)
    judgement = method.judge(patches, {"centre": 0.5, "outer": 0.5})
    outer = ~in_centre(patches.positions)
    assert 0 < outer.sum() < len(patches)
    assert np.array_equal(inner.judged[0], patches.anchors[outer])
    assert (judgement.probability[~outer] == 0).all()
    assert (judgement.probability[outer] >= 0.6).all()
    targets = np.flatnonzero(outer)[[0, 3, 5]]
    method.find(patches, judgement, targets)
    assert np.array_equal(inner.looked_into[0], patches.anchors[targets])


def test_planes_with_nothing_but_a_centre_are_not_judged(patches):
    inner = Remembers()
    centre = patches.part(np.flatnonzero(in_centre(patches.positions)))
    judgement = WithoutCentre(inner).judge(centre, {"centre": 0.5, "outer": 0.5})
    assert judgement.probability.tolist() == [0.0] * len(centre)
    assert inner.judged == []


@pytest.mark.parametrize("classifier", ["cnn", "vit"])
def test_sparks_in_the_centre_stay_and_all_others_are_found(tmp_path, classifier):
    add_set_classifier(tmp_path)
    sparks = {(0, 10, 20): None, (0, 90, 150): None, (0, 65, 82): None}
    scan = with_sparks(make_scan(shape=(128, 160)), sparks, amplitude=300)
    found = {}
    for regions in ("two", "outer"):
        chosen = {"provider": "cpu", "models": tmp_path, "classifier": classifier, "regions": regions}
        detection = Detector(SparkDetectionSettings(**chosen)).detect(scan)
        found[regions] = places(detection)
        if regions == "outer":
            middle = {patch.anchor[1:] for patch in detection.target_patches}
            assert not any(line <= 64 < line + 32 and sample <= 80 < sample + 32 for line, sample in middle)
    assert found["two"] == set(sparks)
    assert found["outer"] == {(0, 10, 20), (0, 90, 150)}


def test_patches_that_are_left_out_do_not_count_as_judged():
    detector = Detector(SparkDetectionSettings(provider="cpu", regions="outer"))
    some, none = (detector.detect(make_scan(shape=shape)) for shape in ((128, 160), (40, 44)))
    assert (some.patches, some.warning) == (4 * 5 - 2, "")
    assert none.patches == 0
    assert none.warning.startswith("not judged: every patch reaches into the centre")
