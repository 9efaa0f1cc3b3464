"""Displaced readouts: those that fit nowhere as a whole stay as they are, and all others keep their sparks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import flag, places, with_sparks

from gadgets.detection.confirmation import Confirmed
from gadgets.detection.detector import Detector
from gadgets.detection.displaced import AMONG, AS_LOUD, TOO_MANY, displaced_readouts
from gadgets.settings.definitions import SparkDetectionSettings

LINE = 61
"""Beside the centre of 128 lines."""


@pytest.fixture(scope="module")
def detector():
    return Detector(SparkDetectionSettings(provider="cpu"))


def displaced(kspace, line, shift=(2.0, 6.0), phase=0.5):
    """Acquire one readout while the object lies elsewhere: a shift in pixels of line and sample is a linear phase."""
    n_lines, n_samples = kspace.data.shape[-2:]
    ramp = shift[0] * (line - n_lines // 2) / n_lines + shift[1] * (np.arange(n_samples) - n_samples // 2) / n_samples
    data = kspace.data.copy()
    data[:, 0, line] *= np.exp(1j * phase - 2j * np.pi * ramp).astype(np.complex64)
    return replace(kspace, data=data)


def confirmed_at(samples, loud=1.0, *, is_obvious=False, partition=0, line=5):
    """Points of one readout, so many times as loud as what belongs there."""
    kspace = make_scan(2, 2)
    mended = np.array([1, 2j], np.complex64)
    points = flag(kspace, line, samples, partition=partition)
    return [Confirmed(point, loud * mended, mended, is_obvious) for point in points]


def test_too_many_points_together_that_are_as_loud_as_the_signal_show_a_displaced_readout():
    together = [*range(20, 20 + TOO_MANY - 1), 20 + AMONG - 1]
    assert displaced_readouts(confirmed_at(together, partition=1) + confirmed_at([30], line=6)) == {(1, 5)}


@pytest.mark.parametrize(
    "confirmed",
    [
        confirmed_at(range(TOO_MANY - 1)),
        confirmed_at([*range(TOO_MANY - 1), AMONG]),
        confirmed_at(range(0, 2 * TOO_MANY, 2)),
        confirmed_at(range(TOO_MANY), 1.01 * AS_LOUD),
        confirmed_at(range(2 * TOO_MANY), is_obvious=True),
        confirmed_at(range(TOO_MANY - 1)) + confirmed_at([TOO_MANY], line=6),
        confirmed_at(range(TOO_MANY - 1)) + confirmed_at([TOO_MANY], partition=1),
        [],
    ],
    ids=["few", "beyond", "apart", "loud", "obvious", "another line", "another partition", "none"],
)
def test_other_readouts_are_in_place(confirmed):
    assert displaced_readouts(confirmed) == set()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_displaced_readout_is_left_as_it_is(detector, seed):
    kspace = displaced(make_scan(1, seed=seed, shape=(128, 128)), LINE)
    detection = detector.detect(kspace)
    assert not detection.points


def test_it_is_told_which_readout_fits_nowhere(detector, caplog):
    kspace = displaced(make_scan(1, seed=1, shape=(128, 128)), LINE)
    detection = detector.detect(kspace)
    assert detection.warning.endswith(f"stay as they are: line {LINE}")
    assert detection.warning in caplog.text


def test_sparks_beside_a_displaced_readout_are_found(detector):
    sparks = {(0, 20, 90): None, (0, 100, 30): None}
    kspace = with_sparks(displaced(make_scan(1, seed=1, shape=(128, 128)), LINE), sparks)
    assert places(detector.detect(kspace)) == set(sparks)


def test_an_obvious_burst_is_found_however_long(detector):
    sparks = {(0, 20, sample): None for sample in range(90, 90 + TOO_MANY + 2)}
    kspace = with_sparks(make_scan(1, shape=(128, 128)), sparks, amplitude=400.0)
    assert places(detector.detect(kspace)) == set(sparks)
