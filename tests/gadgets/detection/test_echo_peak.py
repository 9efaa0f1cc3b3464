"""Whole patches are put in their places, but for the centre of k-space, of which only confirmed points are changed."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan, object_kspace
from helpers.sparks import places, with_sparks

from gadgets.calibration import calibrate
from gadgets.detection import echo_peak
from gadgets.detection.detector import Detector
from gadgets.detection.echo_peak import (
    CROWD,
    _is_whole_echo,
    at_a_peak_without_background,
    regions_of,
    sparing_centre,
)
from gadgets.evidence.levels import radii
from gadgets.evidence.maps import gather_evidence
from gadgets.kspace.from_array import kspace_of
from gadgets.kspace.planes import planes_of
from gadgets.patches.cutting import cut
from gadgets.patches.division import divide_planes
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings

SHAPE, CENTRE = (64, 80), (32, 40)


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


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
        left = sparing_centre(patches, number, calibrated)
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


@pytest.mark.parametrize(
    ("missing", "run", "is_whole"),
    [
        (range(1, 64, 2), range(37, 43), True),
        (range(1, 64, 2), range(37, 40), False),
        (range(1, 64, 2), range(42, 48), False),
        ((), range(37, 43), False),
    ],
    ids=["the whole echo", "a part of it", "beside it", "no line is left out"],
)
def test_the_whole_echo_is_told_where_it_lies_in_one_readout(missing, run, is_whole):
    (plane,) = planes_of(object_kspace(shape=(1, *SHAPE), missing_lines=missing))
    places = np.array([[plane.centre[0], sample] for sample in run])
    assert _is_whole_echo(plane, places) == is_whole
    assert not _is_whole_echo(plane, places + np.array([1, 0]))
    assert not _is_whole_echo(plane, np.concatenate([places, places + np.array([2, 0])]))


@pytest.mark.parametrize("n_coils", [2, 4, 16])
@pytest.mark.parametrize("strength", [1, 3, 30, 1000])
@pytest.mark.parametrize(
    "sparks",
    [
        [(34, 43), (34, 44), (36, 43), (36, 44)],
        [(30, 38), (34, 42), (30, 42), (34, 38)],
        [(32, 43), (32, 44)],
    ],
    ids=["a pair of bursts", "around it", "on its line"],
)
def test_sparks_beside_the_echo_are_found_however_strong_they_are(detector, n_coils, strength, sparks):
    kspace = object_kspace(n_coils=n_coils, shape=(1, *SHAPE))
    rng, data = np.random.default_rng(0), kspace.data.copy()
    for line, sample in sparks:
        gains = rng.uniform(0.5, 1, n_coils) * np.exp(2j * np.pi * rng.random(n_coils))
        data[:, 0, line, sample] += strength * np.abs(kspace.data).max() * gains
    detection = detector.detect(replace(kspace, data=data))
    assert places(detection) == {(0, *spark) for spark in sparks}
    assert not detection.warning


def test_obvious_sparks_hide_no_background(detector, monkeypatch):
    asked, ask = [], echo_peak.is_outshone
    monkeypatch.setattr(echo_peak, "is_outshone", lambda *told: asked.append(told) or ask(*told))
    kspace = object_kspace(n_coils=4, shape=(1, *SHAPE))
    rng, data = np.random.default_rng(0), kspace.data.copy()
    outer = {(int(line), int(sample)) for line, sample in rng.integers(4, 16, size=(40, 2))}
    for (line, sample), strength in {**dict.fromkeys(outer, 3), (34, 43): 1}.items():
        gains = rng.uniform(0.5, 1, 4) * np.exp(2j * np.pi * rng.random(4))
        data[:, 0, line, sample] += strength * np.abs(kspace.data).max() * gains
    detection = detector.detect(replace(kspace, data=data))
    assert places(detection) == {(0, *spark) for spark in {*outer, (34, 43)}}
    assert not asked, "without these the background is there to be seen"


def test_what_the_models_are_sure_of_and_nothing_tells_from_the_echo_is_said_and_hides_nothing_else(detector, caplog):
    kspace = object_kspace(n_coils=4, shape=(1, *SHAPE))
    data = kspace.data.copy()
    data[:, 0, 32, 40] *= 1000
    detection = detector.detect(replace(kspace, data=data))
    assert detection.points == ()
    assert "the models are sure of 1 sample that stays as it is, as" in detection.warning
    assert "line 32 sample 40" in caplog.text


@pytest.mark.parametrize("n_coils", [2, 4, 16])
def test_an_image_without_background_keeps_its_echo(detector, n_coils):
    y, x = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) for n in SHAPE), indexing="ij")
    rng = np.random.default_rng(0)
    image = 60 * (1 + 0.3 * np.cos(np.pi * y) * np.cos(np.pi * x)) * np.exp(1j * np.arange(n_coils))[:, None, None]
    noise = rng.normal(size=(2, n_coils, *SHAPE))
    data = np.fft.fftshift(np.fft.fft2(image + noise[0] + 1j * noise[1], norm="ortho"), axes=(1, 2))
    assert detector.detect(kspace_of(data.astype(np.complex64))).points == ()


def test_the_core_of_an_epi_reaches_as_far_as_sparks_crowd():
    kspace = make_scan(2, shape=SHAPE)
    (plane,) = planes_of(kspace)
    kspace.reversed_lines[0, 1::2] = True
    (reversed_plane,) = planes_of(kspace)
    cores = [regions_of(each, gather_evidence(each.data))[0] for each in (plane, reversed_plane)]
    near = radii(SHAPE, CENTRE) < CROWD
    assert not cores[0][near].all()
    assert cores[1][near].all()
