"""A whole scan of one slice that is acquired again and again, through the drop-in and through the four nodes."""

import numpy as np
import pytest
from helpers.builders import acquisition, configuration, encoding, head, header_xml, stream
from helpers.connections import parse, run_on_connection
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

from gadgets.acquisition_buffer import acquisition_buffer
from gadgets.calibration import calibration
from gadgets.detection import for_one_scan, open_detector
from gadgets.failing_open import calibrate
from gadgets.kspace.readout import ACQ_LAST_IN_REPETITION
from gadgets.raw_repair import raw_repair
from gadgets.settings import CalibrationSettings, SparkDetectionSettings
from gadgets.spark_detection import spark_detection
from gadgets.wire import Acquisition, ReconData
from pipelines.benchmark.series import simulate_series
from pipelines.files import read_kspaces

SHAPE = (64, 80)
SPARK = (0, 31, 42)
HEADER = header_xml([encoding(*SHAPE)])


@pytest.fixture(scope="module")
def kspaces():
    kspaces = simulate_series(make_scan(1, seed=4), np.random.default_rng(4), 3)
    return [*kspaces[:2], with_sparks(kspaces[2], {SPARK: None, (0, 10, 50): None}, 90)]


@pytest.fixture(scope="module")
def items(kspaces):
    return [
        acquisition(line, n_samples=SHAPE[1], n_coils=1, repetition=number,
                    flags=ACQ_LAST_IN_REPETITION if line == SHAPE[0] - 1 else 0).with_data(kspace.data[:, 0, line])
        for number, kspace in enumerate(kspaces)
        for line in range(SHAPE[0])
    ]  # fmt: skip


def dropped_in(items, **properties):
    """Samples that the drop-in gives, shape ``(repetition, line, sample)``."""
    sent = run_on_connection(raw_repair, stream(items, HEADER, configuration(**properties)))
    return np.array([item.data for _, item in parse(sent) if isinstance(item, Acquisition)]).reshape(3, *SHAPE)


def chained(items, detection, repair):
    """Samples that the first three of the four nodes give, each with its own settings."""
    sent = run_on_connection(acquisition_buffer, stream(items, HEADER))
    for node, properties in ((spark_detection, detection), (calibration, repair)):
        sent = run_on_connection(node, head(configuration(**properties), HEADER) + sent)
    kspaces = [item for _, item in parse(sent) if isinstance(item, ReconData)]
    return np.array([kspace.bits[0].data.data_array().reshape(SHAPE) for kspace in kspaces])


def changed(repaired, items):
    return np.argwhere(repaired != np.array([item.data for item in items]).reshape(3, *SHAPE)).tolist()


@pytest.mark.parametrize("memory", ["off", "auto"])
def test_the_four_nodes_and_the_drop_in_repair_alike(items, memory):
    repaired = dropped_in(items, **{"spark_detection.series_memory": memory})
    assert changed(repaired, items) == [[2, 10, 50], [2, *SPARK[1:]]]
    assert np.array_equal(repaired, chained(items, {"series_memory": memory}, {}))


def test_the_series_repairs_only_what_it_knows(items):
    repaired = dropped_in(items, **{"spark_detection.series_memory": 1, "calibration.method": "series"})
    assert changed(repaired, items) == [[2, *SPARK[1:]]]
    assert np.array_equal(repaired, chained(items, {"series_memory": 1}, {"method": "series"}))


CHANGES = ["none", "inflow", "swallowing", "table", "shim", "dummies"]
ON = SparkDetectionSettings(provider="cpu", series_memory="auto")


def changes_of(kspaces):
    """Samples that detection and repair change, k-space by k-space, with the memory of a scan."""
    detector = for_one_scan(open_detector(ON), ON)
    counts = []
    for kspace in kspaces:
        found = detector.detect(kspace)
        data, _ = calibrate(kspace, found.points, CalibrationSettings(), None, (), found.repairs)
        counts.append(0 if data is None else np.count_nonzero(data != kspace.data))
    return counts


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("n_coils", [1, 4])
def test_what_changes_in_a_scan_is_no_spark(n_coils, change):
    kspaces = simulate_series(make_scan(n_coils, seed=n_coils), np.random.default_rng(n_coils), 4, change=change)
    assert changes_of(kspaces) == [0] * 4


@pytest.mark.parametrize("kind", ["diffusion", "inversion"])
def test_another_contrast_is_no_spark(kind):
    assert changes_of(simulate_series(make_scan(2), np.random.default_rng(0), 4, kind)) == [0] * 4


@pytest.mark.parametrize("name", ["agilent_mouse_ir_12ti_2sl", "lf055_flair_norfcage_2avg"])
def test_recorded_series_keep_every_sample(data_folder, name):
    kspaces = [acquired.kspace for acquired in read_kspaces(data_folder / f"{name}.h5")]
    assert not any(changes_of([kspace for kspace in kspaces if kspace.indices.slice == 0]))
