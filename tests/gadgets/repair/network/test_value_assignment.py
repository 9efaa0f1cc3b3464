"""Value assignment: what the network is shown, what becomes of its answer, and which model is opened."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.small_models import make_folder
from helpers.sparks import flag, with_spark_at

from gadgets.errors import ModelError
from gadgets.process.warm_store import WarmStore, using
from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.fill import repair
from gadgets.repair.network.value_assignment import ValueAssignment, open_value_assignment
from gadgets.repair.network.windows import BURST_LINE, MAPS, N_CHANNELS, PAIRS, WINDOW, WINDOW_SET
from gadgets.repair.predictor import Predictor
from gadgets.settings.definitions import CalibrationSettings

NETWORK = CalibrationSettings(method="network")


class Says:
    """A model that gives the same correction everywhere, and remembers what it was shown."""

    def __init__(self, correction=0j):
        self.correction = correction
        self.shown = []

    def run(self, windows):
        self.shown.append(windows)
        parts = np.array([self.correction.real, self.correction.imag], np.float32)
        return {"correction": np.broadcast_to(parts[:, None, None], (len(windows), 2, *WINDOW))}


def windows_at(kspace, points):
    around = surround(kspace, points)
    (burst,) = group_bursts(kspace, points, range(len(points)))
    predictor = Predictor(around, [burst])
    return predictor.windows(burst)[1], burst, predictor


def channel(windows, name, receiver=0):
    if name in PAIRS:
        at = 2 * PAIRS.index(name)
        return windows.values[receiver, at] + 1j * windows.values[receiver, at + 1]
    return windows.values[receiver, 2 * len(PAIRS) + MAPS.index(name)]


def test_a_window_shows_the_surroundings_and_what_is_wanted():
    truth = object_kspace()
    points = flag(truth, 16, [20, 21, 22], receivers=(1, 3))
    hit = with_spark_at(truth, points)
    windows, burst, _ = windows_at(hit, points)
    assert windows.values.shape == (2, N_CHANNELS, *WINDOW)
    wanted = channel(windows, "wanted", 1)
    assert (wanted.sum(), wanted[windows.here].tolist()) == (3, [1, 1, 1])
    left = burst.start - windows.here[2].start
    top = 16 - BURST_LINE
    seen = channel(windows, "filled", 1) * windows.unit[1]
    known = np.s_[3, 0, top : top + WINDOW[0], left : left + WINDOW[1]]
    clean = channel(windows, "acquired", 1) == 1
    np.testing.assert_allclose(seen[clean], hit.data[known][clean], rtol=1e-4)
    assert np.abs(seen - truth.data[known])[windows.here].max() < 12
    assert np.abs(channel(windows, "innovation", 1)[windows.here]).max() < 1e-3


def test_a_window_reaches_beyond_the_border():
    truth = object_kspace(missing_lines=(2,))
    for line, samples in ((0, [0]), (31, [38, 39])):
        windows, _, _ = windows_at(with_spark_at(truth, flag(truth, line, samples)), flag(truth, line, samples))
        assert np.isfinite(windows.values).all()
        acquired = channel(windows, "acquired")
        assert 0 < acquired.sum() < acquired.size
        unknown = acquired + channel(windows, "missing") == 0
        assert unknown.any()
        assert not windows.values[0][:4, unknown].any()


def test_what_is_shown_does_not_depend_on_scale_and_phase():
    truth = object_kspace()
    points = flag(truth, 14, [19, 20])
    hit = with_spark_at(truth, points)
    turned = replace(hit, data=hit.data * np.complex64(4096 * np.exp(2j)))
    one, other = (windows_at(kspace, points)[0] for kspace in (hit, turned))
    np.testing.assert_allclose(other.values, one.values, rtol=1e-2, atol=1e-2 * np.abs(one.values).max())
    np.testing.assert_allclose(other.unit, one.unit * 4096 * np.exp(2j), rtol=1e-2)


def test_partners_and_neighbours_are_asked_where_the_background_is_not_enough():
    # Every second line and third sample: the object fills the field of view.
    folded = replace(object_kspace(), data=object_kspace(shape=(1, 64, 120)).data[:, :, ::2, ::3])
    for place, asked in (((15, range(21, 24)), True), ((2, [3]), False)):
        points = flag(folded, *place)
        windows, burst, predictor = windows_at(with_spark_at(folded, points), points)
        assert predictor.is_good_enough(burst) is not asked
        assert np.any(channel(windows, "partner") != 0) is np.bool_(asked)
        # Either of the two is the interpolation itself.
        told = [channel(windows, name)[windows.here] for name in ("background", "neighbours")]
        assert any(np.any(each != 0) for each in told) is asked


def test_a_network_that_adds_nothing_is_the_interpolation():
    truth = object_kspace()
    points = flag(truth, 16, [20, 21], receivers=(0, 2))
    hit = with_spark_at(truth, points)
    model = Says()
    repaired, calibration = repair(hit, points, NETWORK, ValueAssignment(model))
    _, burst, predictor = windows_at(hit, points)
    np.testing.assert_array_equal(burst.of(repaired.data), predictor.interpolation(burst).values)
    assert [record.method for record in calibration.points] == ["network", "network"]
    assert len(model.shown) == 1


def test_what_the_network_adds_counts_in_units_of_the_usual_error():
    truth = object_kspace()
    points = flag(truth, 16, [20, 21], receivers=(0, 2))
    hit = with_spark_at(truth, points)
    repaired, _ = repair(hit, points, NETWORK, ValueAssignment(Says(2 - 1j)))
    windows, burst, predictor = windows_at(hit, points)
    added = burst.of(repaired.data) - predictor.interpolation(burst).values
    np.testing.assert_allclose(added, np.outer(windows.unit, [1, 1]) * (2 - 1j), rtol=1e-3)
    untouched = np.ones(hit.data.shape, bool)
    untouched[np.ix_([0, 2], [0], [16], [20, 21])] = False
    np.testing.assert_array_equal(repaired.data[untouched], hit.data[untouched])


def test_silent_receivers_and_a_kspace_that_is_flagged_as_a_whole_give_finite_values():
    kspace = object_kspace(n_coils=2, shape=(1, 12, 16))
    data = kspace.data.copy()
    data[1] = 0
    everything = [point for line in range(12) for point in flag(kspace, line, range(16))]
    for points in (flag(kspace, 6, [7]), everything):
        repaired, _ = repair(replace(kspace, data=data), points, NETWORK, ValueAssignment(Says(1j)))
        assert np.isfinite(repaired.data).all()


def test_a_repair_by_a_network_without_one_is_an_error():
    kspace = object_kspace()
    with pytest.raises(ModelError, match="expected an opened value assignment model"):
        repair(kspace, flag(kspace, 3, [4]), NETWORK)


def test_only_a_repair_by_a_network_opens_a_model(tmp_path):
    assert open_value_assignment(CalibrationSettings(models=tmp_path)) is None
    with pytest.raises(ModelError, match="expected a manifest of models"):
        open_value_assignment(CalibrationSettings(method="network", models=tmp_path))


def test_a_model_for_other_windows_is_refused(tmp_path):
    make_folder(tmp_path, role="value_assignment", region="all", architecture="unet", normalisation="windows-0")
    with pytest.raises(ModelError, match=f"expected a model for 'value_assignment {WINDOW_SET}', found: value_assign"):
        open_value_assignment(CalibrationSettings(method="network", models=tmp_path))


def test_a_worker_keeps_the_model_open(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(
        "gadgets.repair.network.value_assignment.load_value_assignment", lambda settings: opened.append(settings) or 1
    )
    warm = WarmStore()
    with using(warm):
        for provider in ("cpu", "cpu", "auto"):
            open_value_assignment(CalibrationSettings(method="network", models=tmp_path, provider=provider))
    assert [settings.provider for settings in opened] == ["cpu", "auto"]
    assert len(warm) == 2
