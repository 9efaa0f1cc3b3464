"""Data in any units that single precision holds are judged, repaired and imaged as in ordinary ones, and told of."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.builders import encoding
from helpers.kspaces import make_scan

from gadgets.detection import open_detector
from gadgets.failing_open import calibrate, detect
from gadgets.image import reconstruct
from gadgets.kspace import in_ordinary_units, in_own_units
from gadgets.series.memory import SeriesMemory
from gadgets.settings import CalibrationSettings, SparkDetectionSettings

ODD = [2.0**-100, 1e-30, 1e-20, 1e20, 1e30, 2.0**100]
SPARK = (slice(None), 0, 20, 60)


@pytest.fixture(scope="module")
def sparked():
    kspace = make_scan()
    kspace.data[SPARK] += 300
    return kspace


@pytest.fixture(scope="module")
def detector():
    return open_detector(SparkDetectionSettings(provider="cpu"))


def scaled(kspace, factor):
    parts = np.ascontiguousarray(kspace.data).view(np.float32) * np.float32(factor)
    return replace(kspace, data=parts.view(np.complex64))


def test_ordinary_data_stay_what_they_are(sparked):
    for factor in (1e-5, 1.0, 1e7):
        kspace = scaled(sparked, factor)
        found, scale = in_ordinary_units(kspace)
        assert (found is kspace, scale) == (True, 1.0)
    nothing = replace(sparked, data=np.zeros_like(sparked.data))
    assert in_ordinary_units(nothing)[0] is nothing


@pytest.mark.parametrize("factor", [*ODD, 1e-40])
def test_nothing_is_lost_on_the_way_to_ordinary_units_and_back(sparked, factor):
    kspace = scaled(sparked, factor)
    kspace.data[0, 0, 3, :2] = np.nan, np.inf
    ordinary, scale = in_ordinary_units(kspace)
    assert np.frexp(scale)[0] == 0.5
    assert 1e-6 < np.abs(ordinary.data[np.isfinite(ordinary.data)]).max() < 1e12
    back = ordinary.data.view(np.float32) / np.float32(scale)
    assert back.tobytes() == kspace.data.tobytes()
    changed = ordinary.data.copy()
    changed[SPARK] = scale
    own = in_own_units(kspace.data, ordinary.data, changed, scale)
    assert np.all(own[SPARK] == 1)
    own[SPARK] = kspace.data[SPARK]
    assert own.tobytes() == kspace.data.tobytes()


@pytest.mark.parametrize("factor", ODD)
def test_sparks_in_odd_units_are_found_and_repaired(sparked, detector, factor):
    kspace = scaled(sparked, factor)
    detection = detect(kspace, detector, "fail")
    assert [(point.line, point.sample) for point in detection.points] == [SPARK[2:]]
    data, record = calibrate(kspace, detection.points, CalibrationSettings(), repairs=detection.repairs)
    (point,) = record.points
    assert point.magnitude_before == pytest.approx(np.abs(kspace.data[SPARK]).max())
    assert point.magnitude_after < 0.2 * point.magnitude_before
    assert np.abs(data[SPARK]).max() == pytest.approx(point.magnitude_after, rel=1e-5)
    data[SPARK] = kspace.data[SPARK]
    assert data.tobytes() == kspace.data.tobytes()


def test_a_series_in_odd_units_is_remembered_in_them(sparked, detector):
    memory = SeriesMemory(1e9)
    for repetition in range(3):
        kspace = scaled(sparked if repetition == 2 else make_scan(), 1e30)
        found = detector.detect(kspace, memory)
    assert found.earlier == 2
    assert [(point.line, point.sample) for point in found.points] == [SPARK[2:]]


@pytest.mark.parametrize("factor", ODD)
def test_the_image_is_that_of_ordinary_units(sparked, factor):
    size = encoding(64, 80)
    expected = reconstruct(sparked, size)
    np.testing.assert_allclose(reconstruct(scaled(sparked, factor), size) / np.float32(factor), expected, rtol=1e-5)


@pytest.mark.parametrize("units", [1e-15, 1.0, 1e10])
@pytest.mark.parametrize("height", [1e20, 3e38])
def test_a_sample_beside_which_all_others_vanish_is_found_and_repaired(detector, units, height):
    kspace = scaled(make_scan(), units)
    kspace.data[SPARK] = height
    detection = detect(kspace, detector, "fail")
    assert [(point.line, point.sample) for point in detection.points] == [SPARK[2:]]
    data, _ = calibrate(kspace, detection.points, CalibrationSettings(), repairs=detection.repairs)
    assert np.abs(data).max() < 1e6 * units
    data[SPARK] = kspace.data[SPARK]
    assert data.tobytes() == kspace.data.tobytes()
