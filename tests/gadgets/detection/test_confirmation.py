from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace

from gadgets.background import noise_of
from gadgets.detection import confirmation
from gadgets.detection.confirmation import confirm, explained_by_others
from gadgets.detection.suspects import Suspect
from gadgets.records import Point
from gadgets.repair import Compared
from gadgets.repair.predicted_once import Predictions


def test_receivers_that_were_hit_are_told_from_those_that_are_repaired():
    kspace = make_kspace(0, 8, (1, 24, 32))
    added = np.zeros(8)
    added[[6, 3]] = 100, 300
    kspace.data[:, 0, 9, 2] += added.astype(np.complex64)
    (point,) = (each.point for each in confirm([Suspect((0, 9, 2), 0.9, 0.5, in_core=False)], Predictions(kspace)))
    assert (point.receivers, point.receivers_repaired) == ((3, 6), tuple(range(8)))
    np.testing.assert_allclose(point.over_noise, added[[3, 6]] / noise_of(kspace, 0)[[3, 6]], rtol=0.1)
    assert 0 < point.error_left < np.sqrt(8) * 2


def test_a_silent_receiver_is_as_loud_as_the_quietest_of_the_others():
    kspace = make_kspace(0, 3, (1, 24, 32))
    kspace.data[1] = 0
    kspace.data[:, 0, 9, 2] += 400
    (point,) = (each.point for each in confirm([Suspect((0, 9, 2), 0.9, 0.5, in_core=False)], Predictions(kspace)))
    assert sorted(point.receivers) == [0, 1, 2]
    assert np.isfinite([*point.over_noise, point.error_left]).all()


def test_only_what_deviates_is_confirmed_and_gets_its_receivers_and_moment():
    kspace = make_kspace(0, 3, (2, 24, 32))
    kspace.data[:, 1, 9, 20] += 400 * np.exp(2j * np.arange(3)).astype(np.complex64)
    kspace.scan_counter[1, 9], kspace.time_stamp[1, 9] = 34, 340
    suspects = [Suspect((1, 9, 20), 0.9, 0.5, in_core=False), Suspect((0, 4, 5), 0.9, 0.5, in_core=False)]
    (point,) = (each.point for each in confirm(suspects, Predictions(kspace)))
    assert point.place == (1, 9, 20)
    assert (point.receivers_repaired, point.scan_counter, point.time_stamp) == ((0, 1, 2), 34, 340)
    assert confirm([], Predictions(kspace)) == []


@pytest.mark.parametrize(("unlike_before", "count"), [(1.0, 0), (20.0, 1), (np.nan, 1)])
def test_what_only_the_series_suspects_the_series_has_to_confirm_where_it_says_something(
    monkeypatch, unlike_before, count
):
    kspace = make_kspace(0, 1, (1, 24, 32))
    like = np.full((1, 1), 20.0)
    compared = Compared(like, like.astype(complex), like, like / 20, np.full((1, 1), unlike_before))
    monkeypatch.setattr(confirmation, "compare", lambda *_: compared)
    suspect = Suspect((0, 9, 2), 0.5, 0.5, in_core=False, is_unlike_before=True)
    assert len(confirm([suspect], Predictions(kspace))) == count
    assert len(confirm([replace(suspect, is_unlike_before=False)], Predictions(kspace))) == 1


def test_points_that_others_explain_are_named():
    kspace = make_kspace(0, 3, (1, 24, 32))
    kspace.data[:, 0, 9, 20] += 400 * np.exp(2j * np.arange(3)).astype(np.complex64)
    places = [(9, 20), (9, 22), (4, 5), (20, 11)]
    points = [
        Point(partition=0, line=line, sample=sample, receivers=(0,), probability=1, scan_counter=1, time_stamp=1)
        for line, sample in places
    ]
    explained = explained_by_others(points, Predictions(kspace))
    assert sorted(point.place[1:] for point in explained) == sorted(places[1:])
    assert explained_by_others(points[:1], Predictions(kspace)) == []
    assert explained_by_others([], Predictions(kspace)) == []


def test_what_a_model_said_of_a_point_does_not_keep_it_from_being_judged():
    kspace = make_kspace(0, 3, (1, 24, 32))
    kspace.data[:, 0, 9, 20] += 400 * np.exp(2j * np.arange(3)).astype(np.complex64)
    point = Point(
        partition=0,
        line=9,
        sample=20,
        receivers=(1,),
        probability=1,
        scan_counter=1,
        time_stamp=1,
        values=((0.0, 0.0),),
    )
    assert explained_by_others([point], Predictions(kspace)) == []
