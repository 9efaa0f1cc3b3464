"""EPI: ghosts, ramps and straight edges look like sparks, and nothing may be changed."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.builders import acquisition, configuration, encoding, head, header_xml, stream
from helpers.connections import parse, run_on_connection

from gadgets.acquisition_buffer import acquisition_buffer
from gadgets.background import noise_of
from gadgets.calibration import calibrate
from gadgets.detection.detector import Detector
from gadgets.kspace.from_array import kspace_of
from gadgets.kspace.readout import ACQ_IS_PHASECORR_DATA, ACQ_IS_REVERSE, ACQ_LAST_IN_SLICE
from gadgets.records import Detection
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from gadgets.spark_detection import spark_detection
from gadgets.wire import RecordCollector, Waveform
from pipelines.benchmark.score import count_changed

SIDE = 96
SPARK = (13, 35)

ONCE_CHANGED = (29, 38, 47, 83, 155, 168, 177, 265, 266, 313, 320, 341, 353, 425, 429, 477, 485)
"""Of the first 500 draws, in which samples at the ends of readouts or in the echo's column were once changed."""


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


@pytest.mark.parametrize("seed", ONCE_CHANGED)
def test_clean_samples_stay(detector, seed):
    kspace = epi_kspace(seed)
    repaired, _ = calibrate(kspace, detector.detect(kspace).points, CalibrationSettings(on_failure="fail"))
    assert repaired is None or count_changed(kspace, repaired) == 0


def test_a_spark_between_the_echos_lines_is_found(detector):
    kspace = epi_kspace(29)
    line, sample = kspace.data.shape[2] // 4, kspace.data.shape[3] // 4
    kspace.data[:, 0, line, sample] += 3 * np.abs(kspace.data).max()
    assert [(point.line, point.sample) for point in detector.detect(kspace).points] == [(line, sample)]


def test_a_series_knows_each_slice_by_its_counter_whatever_else_comes_between():
    slices = {0: epi_kspace(29), 2: epi_kspace(29)}
    slices[2].data[...] *= np.exp(0.2j * np.arange(slices[2].data.shape[2]))[:, None]  # another place in the object
    rng, items = np.random.default_rng(0), []
    for repetition in range(3):
        for number, kspace in slices.items():
            level = noise_of(kspace, 0)[:, None, None, None]
            noise = level * (rng.normal(size=kspace.data.shape) + 1j * rng.normal(size=kspace.data.shape))
            again = kspace.data * np.exp(0.1j * repetition) + noise
            if (repetition, number) == (2, 2):
                again[:, 0, SPARK[0], SPARK[1]] += 20 * np.abs(again[:, 0, SPARK[0], SPARK[1]]).max()
            items += train(replace(kspace, data=again.astype(np.complex64)), slice=number, repetition=repetition)
    detections = detected(items, epi_kspace(29))
    assert [each.indices.slice for each in detections] == [0, 2] * 3
    assert [each.earlier for each in detections] == [0, 0, 1, 1, 2, 2]
    assert [[(point.line, point.sample) for point in each.points] for each in detections] == [[]] * 5 + [[SPARK]]


def train(kspace, **counters):
    """Readouts of an EPI train as scanners send them: three for phase correction, and reversed ones as a segment."""
    n_lines = kspace.data.shape[2]
    shape = {"n_samples": kspace.data.shape[3], "n_coils": len(kspace.data), **counters}
    first = [
        acquisition(n_lines // 2, flags=ACQ_IS_PHASECORR_DATA | ACQ_IS_REVERSE * (n % 2), **shape) for n in range(3)
    ]
    flags = [ACQ_IS_REVERSE * bool(turned) for turned in kspace.reversed_lines[0]]
    flags[-1] |= ACQ_LAST_IN_SLICE
    lines = [
        acquisition(line, flags=flag, segment=bool(flag & ACQ_IS_REVERSE), **shape).with_data(kspace.data[:, 0, line])
        for line, flag in enumerate(flags)
    ]
    return first + lines


def detected(items, kspace):
    """What the first two nodes find."""
    header = header_xml([encoding(*kspace.data.shape[2:])])
    buffered = run_on_connection(acquisition_buffer, stream(items, header))
    sent = parse(run_on_connection(spark_detection, head(configuration(provider="cpu"), header) + buffered))
    collector = RecordCollector()
    for _, item in sent:
        if isinstance(item, Waveform):
            collector.add(item)
    return collector.take(Detection)


def epi_kspace(seed):
    """Draw an EPI of a phantom that never was: ghosts, delays, eddy currents, ramps, drift, decay and noise."""
    rng = np.random.default_rng(seed)
    n_coils, n_lines, gap = (
        int(rng.choice([1, 2, 2, 8])),
        int(rng.choice([32, 48, 64, 64, 96])),
        int(rng.choice([1, 1, 1, 2])),
    )
    n_samples = n_lines * int(rng.choice([1, 2])) + int(rng.choice([0, 0, 8]))
    y, x = np.meshgrid(*[(np.arange(SIDE) - SIDE // 2) / SIDE] * 2, indexing="ij")
    images = _object(rng, y, x) * _receivers(rng, n_coils, y, x)
    along = _readout(rng, n_samples) * rng.uniform(0.75, 1.05)
    across = (np.arange(n_lines) - n_lines // 2) / (rng.uniform(0.9, 1.3) * SIDE)
    phase, delay, current = rng.normal(0, 0.5), rng.normal(0, 0.8) * np.median(np.diff(along)), rng.normal(0, 0.5)
    frequency, decay = rng.normal(0, 1) * (x + y), rng.uniform(0.2, 2.5)
    data = np.zeros((n_coils, n_lines, n_samples), complex)
    acquired = np.arange(int(rng.choice([0, 0, 0.15]) * n_lines), n_lines, gap)
    for number, line in enumerate(acquired):
        moment, sign = number / acquired.size, 1 - 2 * (number % 2)
        turned = np.exp(1j * sign * (phase + current * np.exp(-8 * moment)) - decay * moment)
        seen = images * np.exp(2j * np.pi * frequency * moment)
        row = np.tensordot(seen, np.exp(-2j * np.pi * y[:, 0] * SIDE * across[line]), (1, 0))
        data[:, line] = turned * row @ np.exp(-2j * np.pi * SIDE * np.outer(x[0], along + sign * delay))
    sigma = np.sqrt(np.mean(np.abs(data[:, acquired]) ** 2)) / 10 ** rng.uniform(0.7, 2.7)
    noise = rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape)
    data[:, acquired] += sigma / np.sqrt(2) * noise[:, acquired]
    reversed_lines, sampled = np.zeros(n_lines, bool), np.zeros(data.shape[1:], bool)
    reversed_lines[acquired[1::2]], sampled[acquired] = True, True
    data[:, reversed_lines] = data[:, reversed_lines, ::-1]
    return kspace_of(data.astype(np.complex64), sampled=sampled, reversed_lines=reversed_lines)


def _object(rng, y, x):
    """An ellipse or a box with sharp edges, and some smaller ones in it."""
    size, inside = rng.uniform(0.25, 0.45, 2), np.zeros_like(y)
    is_box = rng.random() < 0.4
    inside[(np.maximum(abs(y) / size[0], abs(x) / size[1]) if is_box else np.hypot(y / size[0], x / size[1])) < 1] = 1
    for _ in range(rng.integers(0, 5)):
        (down, right), radius = rng.uniform(-0.25, 0.25, 2), rng.uniform(0.03, 0.1)
        inside[np.hypot(y - down, x - right) < radius] += rng.uniform(-0.5, 1)
    return inside


def _receivers(rng, n_coils, y, x):
    """Smooth profiles, shape ``(coil, y, x)``."""
    angles = 2 * np.pi * np.arange(n_coils) / n_coils
    profiles = [np.exp(-(n_coils > 1) * ((y - np.sin(a) / 2) ** 2 + (x - np.cos(a) / 2) ** 2) / 0.4) for a in angles]
    slopes = rng.normal(0, 2, (2, n_coils, 1, 1))
    return np.stack(profiles) * np.exp(1j * (slopes[0] * y + slopes[1] * x))


def _readout(rng, n_samples):
    """Places along the readout, -0.5 to 0.5 cycles per pixel: samples are taken on the gradient's ramps as well."""
    time = np.abs((np.arange(n_samples) + 0.5) / n_samples * 2 - 1)
    ramp = rng.choice([0, 0.1, 0.35])
    gradient = np.clip((1 - rng.choice([0, 0.03, 0.08]) - time) / ramp, 0, 1) if ramp else np.ones(n_samples)
    place = np.cumsum(gradient)
    return (place - place.mean()) / np.ptp(place)
