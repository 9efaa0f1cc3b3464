"""Sparks in plain arrays: the door gives what the drop-in gives, and refuses what is no k-space."""

import json
import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from gadgets import SparkDetector, find_sparks, repair_sparks
from gadgets.detection.opening import open_detector
from gadgets.drop_in import RawRepairer
from gadgets.errors import ArrayError, NodeError, SettingsError
from gadgets.kspace.placement import place_readouts
from gadgets.process import one_blas_thread
from gadgets.settings.definitions import RawRepairSettings
from gadgets.wire import Acquisition
from gadgets.wire.header import encodings_of
from pipelines.files.raw_file import RawFile
from pipelines.files.read_kspaces import read_kspaces
from pipelines.phantom import simulate_file
from pipelines.phantom.draw_sparks import SparkPlan

SPARK = (20, 50)


def make_kspace(n_coils=4, shape=(64, 64), seed=0):
    """An ellipse seen by some receivers, in noise."""
    rng = np.random.default_rng(seed)
    grids = np.meshgrid(*(np.linspace(-1, 1, length) for length in shape), indexing="ij")
    ellipse = np.clip(40 * (0.4 - sum(grid**2 for grid in grids)), 0, 1)
    seen = [ellipse * np.exp(-((grids[-2] - np.cos(a)) ** 2) - (grids[-1] - np.sin(a)) ** 2) for a in range(n_coils)]
    axes = tuple(range(-len(shape), 0))
    kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(seen, axes), axes=axes, norm="ortho"), axes)
    noise = rng.standard_normal((2, *kspace.shape)) * 0.01
    return (kspace + noise[0] + 1j * noise[1]).astype(np.complex64)


def with_spark(kspace, place=SPARK, size=3.0):
    sparked = kspace.copy()
    sparked[(slice(None), *place)] += size * np.exp(1j * np.arange(len(kspace)))
    return sparked


@pytest.fixture(scope="module")
def detector():
    return SparkDetector({"spark_detection.provider": "cpu"})


def test_a_spark_is_found_and_repaired_by_nothing_but_the_door():
    clean = make_kspace()
    sparked = with_spark(clean)
    before = sparked.copy()
    found = find_sparks(sparked)
    repaired = repair_sparks(sparked, found)
    assert [point.place for point in found.points] == [(0, *SPARK)]
    assert found.points[0].receivers
    assert found.points[0].probability > 0.5
    place = (slice(None), *SPARK)
    assert np.abs(repaired - clean)[place].max() < 0.1 * np.abs(sparked - clean)[place].max()
    repaired[place] = sparked[place]
    assert np.array_equal(repaired, sparked)
    assert np.array_equal(sparked, before)


def test_what_is_not_given_is_found_first(detector):
    sparked = with_spark(make_kspace())
    expected = detector.repair(sparked, detector.find(sparked))
    assert np.array_equal(repair_sparks(sparked, settings={"spark_detection.provider": "cpu"}), expected)
    assert not np.array_equal(expected, sparked)


def test_some_of_the_points_may_be_repaired(detector):
    sparked = with_spark(with_spark(make_kspace()), (40, 11))
    found = detector.find(sparked)
    assert len(found.points) == 2
    repaired = detector.repair(sparked, found.points[:1])
    changed = np.argwhere((repaired != sparked).any(axis=0))
    assert changed.tolist() == [[found.points[0].line, found.points[0].sample]]


def test_partitions_and_double_precision_are_kept(detector):
    clean = make_kspace(3, (4, 48, 64))
    sparked = with_spark(clean, (2, 30, 12)).astype(np.complex128)
    found = detector.find(sparked)
    assert [point.place for point in found.points] == [(2, 30, 12)]
    repaired = detector.repair(sparked, found)
    assert repaired.dtype == np.complex128
    assert repaired.shape == sparked.shape
    assert np.count_nonzero((repaired != sparked).any(axis=0)) == 1


def test_lines_that_were_not_sampled_are_no_sparks_and_stay_empty(detector):
    kspace = make_kspace()
    kspace[:, 1::2] = 0
    sparked = with_spark(kspace)
    said = detector.find(sparked, sampled=(np.arange(64) % 2 == 0)[:, None] & np.ones(64, bool))
    assert said.points == detector.find(sparked).points
    assert len(said.points) == 1
    assert not detector.repair(sparked, said)[:, 1::2].any()


def test_reversed_lines_are_judged_as_they_were_acquired(detector):
    sparked = with_spark(make_kspace())
    turned = np.arange(64) % 2 == 0
    stored = sparked.copy()
    stored[:, turned] = sparked[:, turned, ::-1]
    found = detector.find(stored, reversed_lines=turned)
    assert [(point.line, point.sample) for point in found.points] == [(SPARK[0], 63 - SPARK[1])]
    repaired = detector.repair(stored, found, reversed_lines=turned)
    straight = detector.repair(sparked, detector.find(sparked))
    assert np.array_equal(repaired[:, turned, ::-1], straight[:, turned])


def test_a_kspace_that_is_not_judged_says_why(detector):
    found = detector.find(make_kspace(2, (5, 64)))
    assert not found.points
    assert "8 readouts" in found.warning


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda k: k[0], r"expected a k-space of shape \(coil, ky, kx\) or \(coil, kz, ky, kx\), found \(64, 64\)"),
        (lambda k: k[None, None], r"found \(1, 1, 4, 64, 64\)"),
        (lambda k: k[:, :0], r"found \(4, 0, 64\)"),
        (np.abs, "expected complex samples, found float32: .*magnitudes have lost"),
        (
            lambda k: np.stack([k.real, k.imag], -1),
            "expected complex samples, .*real and imaginary part make one number",
        ),
        (lambda k: np.where(np.abs(k) > np.abs(k).max() * 0.99, np.nan, k), r"NaN or Inf, the first at \("),
        (lambda k: k.astype(np.complex128) * 1e39, "that are NaN or Inf"),
        (lambda _: np.ma.masked_all((2, 8, 8), [("re", "f4"), ("im", "f4")]), "expected complex samples, found "),
        (lambda k: np.ma.masked_where(np.abs(k) > np.abs(k).max() * 0.99, k), "expected an array without a mask"),
    ],
)
def test_what_is_no_kspace_is_refused(detector, wrong, message):
    kspace = wrong(make_kspace())
    with pytest.raises(ArrayError, match=message):
        detector.find(kspace)
    with pytest.raises(ValueError, match=message):
        detector.repair(kspace, [])


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (
            {"sampled": np.ones(64, bool)},
            r"sampled: expected booleans of shape \(64, 64\), found bool of",
        ),
        ({"sampled": np.ones((64, 64))}, "sampled: expected booleans .*, found float64"),
        ({"reversed_lines": np.ones((64, 64), bool)}, r"reversed_lines: expected booleans of shape \(64,\)"),
        ({"centre": (32,)}, r"expected a centre inside a k-space of shape \(64, 64\), in whole .* found \(32,\)"),
        ({"centre": 32}, "expected a centre .* found 32"),
        ({"centre": (32, 31.5)}, r"in whole numbers, found \(32, 31.5\)"),
        ({"centre": np.ones((3, 3), bool)}, r"found array\(\[\[ True, .*\]\]\)$"),
        ({"centre": (32, 64)}, r"found \(32, 64\)"),
    ],
)
def test_what_does_not_fit_the_kspace_is_refused(detector, about, message):
    with pytest.raises(ArrayError, match=message):
        detector.find(make_kspace(), **about)


def test_points_of_another_kspace_are_refused(detector):
    found = detector.find(with_spark(make_kspace()))
    assert (found.shape, found.centre) == ((4, 1, 64, 64), (0, 32, 32))
    # Fewer receivers, as after a coil compression: each place exists, and yet nothing would be repaired.
    for other in (make_kspace(2), make_kspace(4, (16, 16))):
        with pytest.raises(ArrayError, match=r"in which the sparks were found, of shape \(4, 1, 64, 64\), found one"):
            detector.repair(other, found)
    with pytest.raises(NodeError, match="expected points inside a k-space"):
        detector.repair(make_kspace(2, (16, 16)), found.points)


def test_settings_go_by_the_names_of_the_command_line():
    sparked = with_spark(make_kspace())
    assert not find_sparks(sparked, {"spark_detection.method": "none"}).points
    zeroed = repair_sparks(sparked, settings={"calibration.method": "zero"})
    assert np.count_nonzero(zeroed == 0)
    with pytest.raises(SettingsError, match="treshold"):
        SparkDetector({"spark_detection.treshold": 0.9})
    with pytest.raises(SettingsError, match=r"expected settings by name, .* found a str"):
        SparkDetector("spark_detection.threshold=0.9")
    with pytest.raises(SettingsError, match="expected no report file"):
        SparkDetector({"calibration.report": "points.json"})


def test_it_gives_bit_for_bit_what_the_drop_in_gives(each_raw_file, tmp_path, detector):
    sparked = each_raw_file
    if has_readouts(each_raw_file):
        sparked = tmp_path / "sparked.h5"
        simulate_file(each_raw_file, sparked, tmp_path / "truth.json", SparkPlan(seed=3))
    # Of a long series the later ones are looked at as these are.
    first = list(islice(read_kspaces(sparked), 6))
    dropped_in = repaired_by_the_drop_in(sparked, {readout.source for kspace in first for readout in kspace.readouts})
    n_repaired = 0
    for acquired in first:
        kspace = acquired.kspace
        about = {"sampled": kspace.sampled, "centre": kspace.centre, "reversed_lines": kspace.reversed_lines}
        repaired = detector.repair(kspace.data, detector.find(kspace.data, **about), **about)
        n_repaired += not np.array_equal(repaired, kspace.data)
        _, _, starts = place_readouts(acquired.readouts)
        for readout, start in zip(acquired.readouts, starts, strict=True):
            samples = slice(start, start + readout.data.shape[1])
            expected = dropped_in[readout.source].data
            assert np.array_equal(repaired[:, readout.partition, readout.line, samples], expected)
    assert bool(n_repaired) == (sparked is not each_raw_file)


def has_readouts(path):
    return "poisson_kykz" not in path.name


def repaired_by_the_drop_in(path, numbers):
    """Give the repaired acquisitions that have these numbers in a file, by number."""
    with RawFile(path) as raw:
        encodings = encodings_of(raw.header)
        items = [
            Acquisition(item.header, item.trajectory.tobytes(), item.data.tobytes())
            for number, item in enumerate(raw.acquisitions())
            if number in numbers
        ]
    settings = RawRepairSettings.model_validate({"spark_detection": {"provider": "cpu"}})
    repairer = RawRepairer(settings, encodings, open_detector(settings.spark_detection))
    with one_blas_thread():  # as a node has it
        return dict(zip(sorted(numbers), repairer.repair(items), strict=True))


def test_linear_algebra_has_one_thread_inside_and_as_many_as_before_outside():
    code = """
import numpy, scipy.linalg
from threadpoolctl import threadpool_info
from gadgets.process import keep_one_blas_thread, one_blas_thread
def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
print(threads())
with one_blas_thread(), one_blas_thread():
    print(threads())
print(threads())
keep_one_blas_thread()
print(threads())
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    before, inside, after, for_good = map(json.loads, result.stdout.splitlines())
    assert set(before) == {2}
    assert after == before
    assert set(inside) == set(for_good) == {1}


def test_errors_are_imported_without_scipy_and_onnx_runtime():
    assert not {"scipy", "onnxruntime", "gadgetron", "ismrmrd"} & imported_by("import gadgets.errors")


def test_the_door_needs_no_gadgetron():
    imported = imported_by("from gadgets import find_sparks")
    assert "scipy" in imported
    assert not {"gadgetron", "ismrmrd", "h5py"} & imported


def imported_by(statement):
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
