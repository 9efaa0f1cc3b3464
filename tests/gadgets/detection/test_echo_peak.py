"""Whole patches are put in their places, but for the centre of k-space, of which only confirmed points are changed."""

from dataclasses import replace

import numpy as np
from helpers.kspaces import make_scan
from helpers.sparks import places, with_sparks

from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.detection.echo_peak import at_a_peak_without_background, without_centre
from gadgets.evidence.levels import radii
from gadgets.kspace.planes import planes_of
from gadgets.patches.cutting import cut
from gadgets.patches.division import divide_planes
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings

SHAPE, CENTRE = (64, 80), (32, 40)


class ChangesEverything:
    """Finds what another method finds, and gives patches back in which every sample is another."""

    def __init__(self, method):
        self.judge, self.name_for, self._method = method.judge, method.name_for, method

    def find(self, patches, judgement, targets):
        recorded = cut(patches.planes[0].data, patches.anchors[targets, 1:], patches.shape[1:])
        opinions = self._method.find(patches, judgement, targets)
        return replace(opinions, calibrated=recorded[:, :, None] + np.complex64(1000))


def test_the_samples_of_the_centre_are_left_out_of_a_patch():
    kspace = make_scan(2, shape=SHAPE)
    (plane,) = planes_of(kspace)
    patches = divide_planes([plane], (1, 32, 32), 0)
    nearest = np.minimum(patches.evidence[0].radius, radii(SHAPE, CENTRE))
    for number, (_, line, sample) in enumerate(patches.anchors):
        calibrated = np.full((2, 1, 32, 32), 7, dtype=np.complex64)
        left = without_centre(patches, number, calibrated)
        assert left.dtype == np.complex64
        is_near = nearest[line : line + 32, sample : sample + 32] < 0.1
        assert np.array_equal(np.isnan(left), np.broadcast_to(is_near, left.shape))
        assert (left[~np.isnan(left)] == 7).all()


def test_a_patch_that_reaches_the_centre_is_replaced_around_it():
    kspace = with_sparks(make_scan(shape=SHAPE), {(0, 22, 60): None, (0, 34, 44): None})
    detector = Detector(SparkDetectionSettings(provider="cpu"))
    chosen = detector._chosen["rectangle"]
    detector._chosen = {"rectangle": replace(chosen, method=ChangesEverything(chosen.method))}
    detector._settings = detector._settings.model_copy(update={"merge": "patch"})
    detection = detector.detect(kspace)
    data, record = calibrate(kspace, detection.points, CalibrationSettings(), patches=detection.target_patches)
    assert record.patches
    changed = (data != kspace.data).any(axis=0)[0]
    in_centre = radii(SHAPE, CENTRE) < 0.1
    assert {(0, *map(int, place)) for place in np.argwhere(changed & in_centre)} <= places(detection)
    assert changed.sum() > 2 * 1024


def test_an_object_that_fills_the_field_of_view_keeps_its_peak_though_the_rest_has_a_background():
    kspace = make_scan(1, shape=SHAPE)
    (disc,) = planes_of(kspace)
    peak = disc.data.copy()
    peak[:, CENTRE[0], CENTRE[1]] += 100 * np.abs(disc.data).max()  # the same brightness everywhere, and a faint disc
    places = np.array([[0, *CENTRE]])
    for data, is_left_alone in ((disc.data, False), (peak, True)):
        patches = divide_planes([replace(disc, data=data)], (1, 32, 32), 0)
        everywhere = np.ones((1, *SHAPE), dtype=bool)
        assert at_a_peak_without_background(patches, places, everywhere).tolist() == [is_left_alone]
