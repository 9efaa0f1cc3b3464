import numpy as np
from helpers.kspaces import make_kspace

from gadgets.detection.confirmation import confirm, explained_by_others
from gadgets.detection.suspects import Suspect, place_of
from gadgets.records import Point
from gadgets.repair.predicted_once import Predictions


def test_only_what_deviates_is_confirmed_and_gets_its_receivers_and_moment():
    kspace = make_kspace(0, 3, (2, 24, 32))
    kspace.data[:, 1, 9, 20] += 400 * np.exp(2j * np.arange(3)).astype(np.complex64)
    kspace.scan_counter[1, 9], kspace.time_stamp[1, 9] = 34, 340
    suspects = [Suspect((1, 9, 20), 0.9, 0.5, in_core=False), Suspect((0, 4, 5), 0.9, 0.5, in_core=False)]
    (point,) = (each.point for each in confirm(suspects, Predictions(kspace)))
    assert place_of(point) == (1, 9, 20)
    assert (point.receivers, point.scan_counter, point.time_stamp) == ((0, 1, 2), 34, 340)
    assert confirm([], Predictions(kspace)) == []


def test_points_that_others_explain_are_named():
    kspace = make_kspace(0, 3, (1, 24, 32))
    kspace.data[:, 0, 9, 20] += 400 * np.exp(2j * np.arange(3)).astype(np.complex64)
    places = [(9, 20), (9, 22), (4, 5), (20, 11)]
    points = [
        Point(partition=0, line=line, sample=sample, receivers=(0,), probability=1, scan_counter=1, time_stamp=1)
        for line, sample in places
    ]
    explained = explained_by_others(points, Predictions(kspace))
    assert sorted(place_of(point)[1:] for point in explained) == sorted(places[1:])
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
