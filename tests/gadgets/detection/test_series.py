"""Detection with the memory of a scan: what is found, what is remembered, and when nothing changes."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import changed_places, places, with_sparks
from scipy.ndimage import gaussian_filter

from gadgets.detection import for_one_scan, open_detector
from gadgets.detection.found import Found
from gadgets.detection.opening import NoDetector
from gadgets.detection.series import remember
from gadgets.failing_open import calibrate
from gadgets.repair import Predictions
from gadgets.series import SeriesMemory
from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from pipelines.benchmark.series import simulate_series

SPARK = (0, 31, 42)

ON = SparkDetectionSettings(series_memory="auto")


@pytest.fixture(scope="module")
def kspaces():
    return simulate_series(make_scan(1, seed=4), np.random.default_rng(4), 4)


def filling_the_field_of_view(seed=6):
    """An object without a background: nothing in a single k-space tells its peak from a spark."""
    rng, kspace = np.random.default_rng(seed), make_scan(1, seed=seed)
    coarse, fine = (gaussian_filter(rng.normal(size=(64, 80)), width, mode="wrap") for width in (5, 2))
    noise = (rng.normal(size=(64, 80)) + 1j * rng.normal(size=(64, 80))) / np.sqrt(2)
    image = 30 * (1.2 + 20 * coarse + 4 * fine) * np.exp(0.4j * np.sin(np.arange(64) / 20))[:, None] + noise
    data = np.fft.fftshift(np.fft.fft2(image, norm="ortho")).astype(np.complex64)
    return simulate_series(replace(kspace, data=data[None, None]), np.random.default_rng(seed), 4)


def scan(settings=ON):
    """A detector as a node has it when a scan begins."""
    return for_one_scan(open_detector(settings), settings)


def without_times(detection):
    return detection.model_copy(update={"seconds": 0.0})


def test_a_spark_that_a_single_kspace_hides_is_found_in_its_series():
    first, second, third, _ = filling_the_field_of_view()
    hidden = with_sparks(third, {SPARK: None}, 200)
    assert places(open_detector(ON).detect(hidden)) == set()
    detector = scan()
    assert [places(detector.detect(each)) for each in (first, second, hidden)] == [set(), set(), {SPARK}]


def test_what_was_found_is_remembered_as_repaired(kspaces):
    detector = scan()
    for each in kspaces[:2]:
        detector.detect(each)
    spoilt = [with_sparks(each, {SPARK: None}, 90, seed=seed) for seed, each in enumerate(kspaces[2:])]
    assert [places(detector.detect(each)) for each in spoilt] == [{SPARK}, {SPARK}]


def test_what_nobody_could_tell_from_the_signal_is_no_reference(kspaces):
    first, second = kspaces[:2]
    memory, found = SeriesMemory(1e9), Found({}, Predictions(first))
    found.refused.add(SPARK)
    remember(memory, found, ())
    witness = memory.witness(second)
    compared = witness.differences(0)
    _, lines, samples = witness.window
    unknown = np.argwhere(~compared.valid[2:-2, 2:-2]) + 2  # without the border, of which nothing is known in any case
    assert [(lines.start + line, samples.start + sample) for line, sample in unknown] == [SPARK[1:]]


def test_the_first_kspace_is_judged_as_by_itself(kspaces):
    spoilt = with_sparks(kspaces[0], {(0, 10, 50): None, (0, 40, 20): None}, 200)
    alone, first = open_detector(ON).detect(spoilt), scan().detect(spoilt)
    assert first.points == alone.points
    assert first.earlier == 0
    repairs = [
        calibrate(spoilt, each.points, CalibrationSettings(), None, (), each.repairs)[0] for each in (alone, first)
    ]
    assert np.array_equal(*repairs)


def test_switched_off_every_kspace_is_judged_by_itself(kspaces):
    detector = scan(SparkDetectionSettings(series_memory="off"))
    for each in kspaces:
        assert without_times(detector.detect(each)) == without_times(open_detector(ON).detect(each))


def test_scans_do_not_share_a_memory(kspaces):
    first, second = scan(), scan()
    first.detect(kspaces[0])
    assert first.detect(kspaces[1]).earlier == 1
    assert second.detect(kspaces[1]).earlier == 0
    assert isinstance(scan(SparkDetectionSettings(method="none", series_memory="auto")), NoDetector)


def test_the_series_repairs_what_it_knows_and_nothing_else(kspaces):
    hidden = with_sparks(kspaces[2], {SPARK: None, (0, 5, 70): None}, 90)
    detector = scan()
    for each in kspaces[:2]:
        detector.detect(each)
    found = detector.detect(hidden)
    assert {SPARK, (0, 5, 70)} <= places(found)
    data, record = calibrate(hidden, found.points, CalibrationSettings(method="series"), None, (), found.repairs)
    assert changed_places(hidden, data) == {SPARK}
    assert abs(data[(0, *SPARK)] - kspaces[2].data[(0, *SPARK)]) < 20
    told = {(each.point.line, each.point.sample): each.method for each in record.points}
    assert told[SPARK[1:]] == "series"
    assert told[(5, 70)] is None
    moved = replace(hidden, data=hidden.data * 2)
    assert calibrate(moved, found.points, CalibrationSettings(method="series"), None, (), found.repairs)[0] is None


def test_the_weak_samples_of_a_burst_are_found_with_the_strong_one():
    first, second, *_ = filling_the_field_of_view()
    burst = [(0, 31, sample) for sample in range(42, 46)]
    spoilt = with_sparks(with_sparks(second, {burst[1]: None}, 900), dict.fromkeys(burst, None), 110, seed=3)
    detector = scan()
    detector.detect(first)
    assert places(detector.detect(spoilt)) == set(burst)
