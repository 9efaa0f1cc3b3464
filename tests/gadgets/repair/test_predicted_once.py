"""Predictions are made once for the same samples, and hold for them alone."""

import numpy as np
import pytest
from helpers.kspaces import object_kspace
from helpers.sparks import flag, with_spark_at

from gadgets.repair import predicted_once as predictions
from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.deviations import deviations
from gadgets.repair.fill import repair
from gadgets.repair.ground import ground
from gadgets.repair.predicted_once import Predictions
from gadgets.repair.predictor import Predictor
from gadgets.settings.definitions import CalibrationSettings


@pytest.fixture
def n_predictors(monkeypatch):
    made = []
    real = predictions.Predictor
    monkeypatch.setattr(predictions, "Predictor", lambda *each: made.append(each) or real(*each))
    return lambda: len(made)


def test_confirming_and_repairing_predict_once(n_predictors):
    kspace = with_spark_at(object_kspace(), flag(object_kspace(), 15, [18]), 300.0)
    points = flag(kspace, 15, [18])
    known = Predictions(kspace)
    largest = deviations(kspace, points, known).max()
    repaired, _ = repair(kspace, points, CalibrationSettings(), known=known)
    assert n_predictors() == 1
    assert known.knows(points)
    assert largest == deviations(kspace, points).max()
    assert np.array_equal(repaired.data, repair(kspace, points, CalibrationSettings())[0].data)


def test_other_samples_or_receivers_are_predicted_anew(n_predictors):
    kspace = with_spark_at(object_kspace(), flag(object_kspace(), 15, [18]), 300.0)
    known = Predictions(kspace)
    for points in (flag(kspace, 15, [18]), flag(kspace, 15, [18, 19]), flag(kspace, 15, [18], (1,))):
        assert not known.knows(points)
        assert len(list(known.of(points, range(len(points))))) == 1
        assert known.knows(points)
    assert n_predictors() == 3


def test_points_may_be_listed_in_another_order():
    kspace = with_spark_at(object_kspace(), [*flag(object_kspace(), 15, [18]), *flag(object_kspace(), 16, [22])], 300.0)
    points = [*flag(kspace, 15, [18]), *flag(kspace, 16, [22])]
    known = Predictions(kspace)
    there, back = deviations(kspace, points, known), deviations(kspace, points[::-1], known)
    assert np.array_equal(there, back[::-1])


@pytest.mark.parametrize(("receivers", "n_measured"), [(None, 1), ((1,), 2)])
def test_how_loud_it_is_is_measured_once_where_all_receivers_miss_the_same(monkeypatch, receivers, n_measured):
    points = flag(object_kspace(), 15, [18], *([] if receivers is None else [receivers]))
    kspace = with_spark_at(object_kspace(), points, 300.0)
    measured, measure = [], ground.errors_around
    monkeypatch.setattr(ground, "errors_around", lambda *told: measured.append(told) or measure(*told))
    (predicted,) = Predictions(kspace).of(points, [0])
    assert len(measured) == n_measured, "the background's errors, and how loud it is where nobody has measured that"
    (burst,) = group_bursts(kspace, points, [0])
    alone = Predictor(surround(kspace, points), [burst]).auto(burst, None)
    assert np.array_equal(predicted.candidate.values, alone.values)
    assert np.array_equal(predicted.candidate.error, alone.error)


@pytest.mark.parametrize("receivers", [(1,), (0, 2)])
def test_what_is_usual_is_asked_of_the_receivers_that_were_hit_alone(monkeypatch, receivers):
    points = flag(object_kspace(), 15, [18], receivers)
    kspace = with_spark_at(object_kspace(), points, 300.0)
    asked, ask = [], ground.quantile
    monkeypatch.setattr(ground, "quantile", lambda *told: asked.append(told) or ask(*told))
    assert len(list(Predictions(kspace).of(points, [0]))) == 1
    assert len(asked) == len(receivers)
