"""Detection with the installed models, on k-spaces of an ellipse and on real ones."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_plane, make_scan
from helpers.paths import ROOT
from helpers.sparks import SPARKS, places, with_sparks

from gadgets.detection.detector import Detector
from gadgets.kspace.planes import planes_of
from gadgets.repair.fill import repair
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from onnx_models.errors import ModelError
from onnx_models.manifest import read_manifest
from pipelines.files.read_kspaces import read_kspaces


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


def test_sparks_are_found_where_they_are_and_when_they_were(detector):
    kspace = with_sparks(make_scan())
    detection = detector.detect(kspace)
    assert places(detection) == set(SPARKS)
    assert detection.indices == kspace.indices
    assert detection.provider == "CPUExecutionProvider"
    assert detection.patches == 6
    for point in detection.points:
        assert point.scan_counter == kspace.scan_counter[point.partition, point.line]
        assert point.time_stamp == 10 * point.scan_counter
        assert point.probability > 0.5


def test_the_receivers_that_were_hit_are_named(detector):
    detection = detector.detect(with_sparks(make_scan()))
    hit = {point.place: point.receivers for point in detection.points}
    assert hit[0, 40, 20] == (2,)
    assert sorted(hit[0, 10, 50]) == [0, 1, 2, 3]


def test_every_point_lies_in_a_target_patch(detector):
    detection = detector.detect(with_sparks(make_scan()))
    for point in detection.points:
        assert any(
            patch.anchor[1] <= point.line < patch.anchor[1] + 32
            and patch.anchor[2] <= point.sample < patch.anchor[2] + 32
            for patch in detection.target_patches
        )
    models = {patch.model for patch in detection.target_patches}
    assert models <= {entry.name for entry in read_manifest().models}


@pytest.mark.parametrize("n_coils", [1, 2, 8])
def test_clean_data_stay_clean(detector, n_coils):
    detection = detector.detect(make_scan(n_coils))
    assert detection.points == ()


def test_scale_and_phase_change_nothing(detector):
    kspace = with_sparks(make_scan())
    turned = replace(kspace, data=(kspace.data * np.complex64(2e-7 * np.exp(2.1j))).astype(np.complex64))
    assert places(detector.detect(turned)) == places(detector.detect(kspace))


def test_readouts_acquired_from_right_to_left_are_judged_as_acquired(detector):
    kspace = with_sparks(make_scan())
    reverse = np.zeros((1, 64), dtype=bool)
    reverse[0, ::2] = True
    data = kspace.data.copy()
    data[:, reverse] = data[:, reverse, ::-1]
    found = places(detector.detect(replace(kspace, data=data, reversed_lines=reverse)))
    assert found == {(p, line, 79 - sample if line % 2 == 0 else sample) for p, line, sample in SPARKS}


def test_lines_that_were_not_acquired_leave_the_others_in_place(detector):
    kspace = with_sparks(make_scan(), {(0, 41, 20): None, (0, 57, 60): None})
    sampled = kspace.sampled.copy()
    sampled[0, :, :] = False
    sampled[0, 1::2, :] = True
    data = np.where(sampled, kspace.data, 0)
    assert places(detector.detect(replace(kspace, data=data, sampled=sampled))) == {(0, 41, 20), (0, 57, 60)}


def test_partitions_are_judged_each(detector):
    sparks = {(0, 10, 50): None, (2, 40, 20): None}
    detection = detector.detect(with_sparks(make_scan(n_partitions=3), sparks))
    assert places(detection) == set(sparks)
    assert detection.patches == 18


def test_a_strong_spark_does_not_hide_a_weak_one(detector):
    kspace = with_sparks(make_scan(), {(0, 12, 20): None}, amplitude=2000.0)
    kspace = with_sparks(kspace, {(0, 50, 60): None}, amplitude=25.0, seed=6)
    assert places(detector.detect(kspace)) >= {(0, 12, 20), (0, 50, 60)}


@pytest.mark.parametrize("place", [(0, 32, 40), (0, 33, 38), (0, 20, 60)])
def test_one_sample_that_is_not_finite_costs_its_neighbours_nothing(detector, place):
    kspace = make_scan()
    data = kspace.data.copy()
    data[(1, *place)] = np.nan
    assert detector.detect(replace(kspace, data=data)).points == ()
    sparked = with_sparks(replace(kspace, data=data), {(0, 10, 50): None})
    assert places(detector.detect(sparked)) == {(0, 10, 50)}


@pytest.mark.parametrize(("step", "signal"), [(3, 10.0), (2, 5.0)])
def test_the_echos_peak_of_aliased_images_is_left_alone(detector, step, signal):
    plane = make_plane(3, 8, (160, 128), signal)[:, ::step]
    kspace = make_scan(8, shape=plane.shape[1:])
    assert detector.detect(replace(kspace, data=np.ascontiguousarray(plane[:, None]))).points == ()


def test_the_echos_peak_of_an_object_that_fills_the_field_of_view_is_left_alone(detector):
    rng = np.random.default_rng(0)
    for n_coils in (1, 4):
        for signal in (2.0, 4.0, 40.0):
            white = rng.standard_normal((n_coils, 96, 128)) + 1j * rng.standard_normal((n_coils, 96, 128))
            image = signal * np.exp(0.3j * np.arange(n_coils))[:, None, None] + white / np.sqrt(2)
            plane = np.fft.fftshift(np.fft.fft2(image, norm="ortho"), axes=(1, 2)).astype(np.complex64)
            kspace = make_scan(n_coils, shape=(96, 128))
            assert detector.detect(replace(kspace, data=plane[:, None])).points == ()


def test_an_empty_kspace_holds_nothing(detector):
    kspace = make_scan()
    empty = replace(kspace, data=np.zeros_like(kspace.data))
    assert detector.detect(empty).points == ()
    unsampled = detector.detect(replace(empty, sampled=np.zeros_like(kspace.sampled)))
    assert unsampled.patches == 0
    assert unsampled.warning == "not judged: nothing was acquired"


def test_a_model_for_other_evidence_is_refused(tmp_path):
    installed = ROOT / "onnx_models"
    manifest = read_manifest()
    entries = [entry.model_copy(update={"normalisation": "other-1"}) for entry in manifest.models]
    for entry in entries:
        (tmp_path / entry.file).write_bytes((installed / entry.file).read_bytes())
    (tmp_path / "manifest.json").write_text(manifest.model_copy(update={"models": tuple(entries)}).model_dump_json())
    with pytest.raises(ModelError, match=r"expected a model for '.* evidence-1 2D', found: .* other-1 2D"):
        Detector(SparkDetectionSettings(models=tmp_path, provider="cpu"))


def test_real_clean_kspaces_lose_nothing(detector, data_folder):
    for name in ("siemens_brain_gre_16ch", "siemens_gre_2ch", "siemens_epi_2ch", "bruker_tubes_1ch_3sl"):
        for acquired in read_kspaces(data_folder / f"{name}.h5"):
            assert detector.detect(acquired.kspace).points == (), name


def test_a_second_look_spares_partitions_that_nothing_was_found_in(detector, monkeypatch):
    looked_at = []

    def look(kspace, without, fewest_lines):
        for plane in planes_of(kspace, without, fewest_lines):
            looked_at.append(plane.partition)
            yield plane

    monkeypatch.setattr("gadgets.detection.looks.planes_of", look)
    assert detector.detect(with_sparks(make_scan(n_partitions=3), {(1, 34, 44): None})).points
    assert looked_at[:3] == [0, 1, 2]
    assert set(looked_at[3:]) == {1}
    looked_at.clear()
    assert detector.detect(with_sparks(make_scan(n_partitions=3), {(1, 10, 50): None})).points
    assert looked_at == [0, 1, 2], "an obvious spark was taken out before the first look"
    looked_at.clear()
    detector.detect(make_scan(n_partitions=3))
    assert looked_at == [0, 1, 2]


@pytest.mark.parametrize("distance", [1, 2, 3, 12])
def test_a_weak_spark_beside_or_behind_an_obvious_one_is_found(detector, distance):
    kspace = with_sparks(make_scan(), {(0, 10, 50): None}, amplitude=3000)
    wrong = with_sparks(kspace, {(0, 10, 50 + distance): None, (0, 40, 22): None}, amplitude=14, seed=distance)
    assert {(0, 10, 50), (0, 10, 50 + distance), (0, 40, 22)} <= places(detector.detect(wrong))


def test_what_becomes_of_the_points_travels_with_them_and_is_what_calibration_makes_of_them(detector):
    for sparks in ({(0, 34, 44): None}, {(0, 10, 50): None, (0, 60, 70): None}, {(0, 10, 50): None, (0, 34, 44): None}):
        kspace = with_sparks(make_scan(), sparks)
        detection = detector.detect(kspace)
        assert len(detection.repairs) == len(detection.points)
        known, said = repair(kspace, detection.points, CalibrationSettings(), repairs=detection.repairs)
        alone, computed = repair(kspace, detection.points, CalibrationSettings())
        assert np.array_equal(known.data, alone.data)
        assert said.points == computed.points


ARRANGEMENTS = {
    "neighbouring lines": [(20, 12), (21, 12), (22, 12), (23, 12)],
    "every second line": [(14 + 2 * number, 12) for number in range(5)],
    "every third line": [(14 + 3 * number, 12) for number in range(5)],
    "every fourth line": [(14, 12), (18, 12), (22, 12)],
    "a line here and there": [(line, 12) for line in range(3, 60, 8)],
    "beside the echo": [(42, 52), (46, 52)],
}


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize("bursts", ARRANGEMENTS.values(), ids=ARRANGEMENTS.keys())
def test_the_stronger_a_pattern_of_sparks_is_the_surer_it_is_found(detector, bursts, n_coils):
    scan = make_scan(n_coils=n_coils)
    sparks = {(0, line, sample + step): None for line, sample in bursts for step in range(3)}
    peak = float(np.abs(scan.data).max())
    for strength in (0.3, 1, 3, 30, 1000):
        found = places(detector.detect(with_sparks(scan, sparks, amplitude=strength * peak)))
        assert found == set(sparks), strength
