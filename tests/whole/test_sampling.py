"""However k-space was sampled, clean data stay clean and a spark is repaired, in the place that it was acquired in."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.non_cartesian import coil_images, radial, sampled, scan, spiral

from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.drop_in import RawRepairer
from gadgets.settings.definitions import CalibrationSettings, RawRepairSettings, SparkDetectionSettings
from pipelines.benchmark.readouts import noise_sigma
from pipelines.files.read_kspaces import read_kspaces

CPU = RawRepairSettings(spark_detection=SparkDetectionSettings(provider="cpu"))


@pytest.fixture(scope="module")
def detector():
    return Detector(CPU.spark_detection)


def leave_out(kspace, lines):
    """Take lines away, as if they had never been acquired."""
    taken = np.zeros(kspace.sampled.shape[1], dtype=bool)
    taken[lines] = True
    wanted = kspace.sampled & ~taken[None, :, None]
    return replace(kspace, sampled=wanted, data=np.where(wanted, kspace.data, 0))


def as_recorded(kspace):
    return kspace


def uniform(kspace):
    return leave_out(kspace, np.arange(1, kspace.sampled.shape[1], 2))


def at_random(kspace):
    rng = np.random.default_rng(4)
    n_lines, centre = kspace.sampled.shape[1], kspace.centre[1]
    return leave_out(kspace, [line for line in range(n_lines) if abs(line - centre) > 8 and rng.random() < 0.6])


def partial_fourier(kspace):
    return leave_out(kspace, np.arange(kspace.sampled.shape[1] * 3 // 8))


def with_spark_at(kspace, place):
    """Add a spark of three samples, as loud as its ripple in the image is loud over noise."""
    amplitude = noise_sigma(kspace) * np.sqrt(np.count_nonzero(kspace.sampled))
    data = kspace.data.copy()
    data[(slice(None), *place[:2], slice(place[2], place[2] + 3))] += amplitude * np.array([1, 0.6j, -0.4])
    return replace(kspace, data=data.astype(np.complex64))


@pytest.mark.parametrize(
    ("name", "sampling"),
    [
        ("siemens_brain_gre_16ch", uniform),
        ("siemens_brain_gre_16ch", at_random),
        ("siemens_brain_gre_16ch", partial_fourier),
        ("retro_siemens_brain_16ch_R2acs24", as_recorded),
        ("syn_mni152_2d_8sl_8ch_R2pf", as_recorded),
    ],
)
def test_undersampled_kspaces_are_judged_where_they_were_sampled(detector, data_folder, name, sampling):
    kspace = sampling(next(iter(read_kspaces(data_folder / f"{name}.h5"))).kspace)
    assert detector.detect(kspace).points == ()
    lines = np.flatnonzero(kspace.acquired_lines[0])
    place = (0, int(lines[len(lines) * 5 // 6]), kspace.data.shape[-1] // 5)
    sparked = with_spark_at(kspace, place)
    detection = detector.detect(sparked)
    assert {(point.line, point.sample) for point in detection.points} >= {(place[1], place[2])}
    assert all(kspace.sampled[point.partition, point.line, point.sample] for point in detection.points)
    repaired, _ = calibrate(sparked, detection.points, CalibrationSettings())
    left, there = (np.linalg.norm(data - kspace.data) for data in (repaired, sparked.data))
    assert left < 0.3 * there


def test_each_contrast_is_a_kspace_of_its_own(detector, data_folder):
    scans = [each.kspace for each in read_kspaces(data_folder / "agilent_mouse_ir_12ti_2sl.h5")]
    chosen = [scans[number] for number in (0, 8, 23)]
    assert len({kspace.indices.contrast for kspace in scans}) == 12
    for kspace in chosen:
        sparked = with_spark_at(kspace, (0, 20, 30))
        detection = detector.detect(sparked)
        assert detection.indices == kspace.indices
        assert {(point.line, point.sample) for point in detection.points} >= {(20, 30)}
        assert detector.detect(kspace).points == ()


def test_a_volume_is_judged_partition_by_partition(detector):
    kspace = make_scan(2, n_partitions=4, shape=(48, 64))
    sparked = with_spark_at(kspace, (2, 10, 12))
    assert {point.partition for point in detector.detect(sparked).points} == {2}


@pytest.mark.parametrize(("kind", "trajectory"), [("radial", radial()), ("spiral", spiral())])
@pytest.mark.parametrize("n_coils", [1, 8])
def test_non_cartesian_scans_are_repaired_in_the_order_of_acquisition(detector, data_folder, kind, trajectory, n_coils):
    images = coil_images(data_folder / "siemens_brain_gre_16ch.h5", n_coils)
    samples = sampled(images, trajectory, noise=0.2)
    encoding, items = scan(samples, trajectory, kind)
    clean = list(RawRepairer(CPU, (encoding,), detector).repair(items))
    assert all(before is after for before, after in zip(items, clean, strict=True))
    place = (slice(None), 7, samples.shape[2] * 9 // 10)
    sparked = samples.copy()
    sparked[place] += 40 * np.median(np.abs(samples))
    encoding, items = scan(sparked, trajectory, kind)
    after = np.stack([item.data for item in RawRepairer(CPU, (encoding,), detector).repair(items)], axis=1)
    assert (np.abs(after - samples)[place] < 0.5 * np.abs(sparked - samples)[place]).all()
    assert np.array_equal(np.delete(after, 7, axis=1), np.delete(samples, 7, axis=1))
