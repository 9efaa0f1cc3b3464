"""Crowds: what the models hold to be possible, looked for together, in an ellipse and in a recorded scan."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan
from helpers.sparks import CROWD, CROWD_SHAPE, around_the_centre, flag

from gadgets.detection import crowds, second_opinion
from gadgets.detection.confirmation import Confirmed, confirm
from gadgets.detection.crowds import find_hidden, of_confirmed_bursts
from gadgets.detection.detector import Detector
from gadgets.detection.looks import Looks
from gadgets.detection.suspects import Suspect
from gadgets.records import Point
from gadgets.repair.predicted_once import Predictions
from gadgets.settings import SparkDetectionSettings
from pipelines.benchmark.sparks import add_sparks
from pipelines.files.read_kspaces import read_kspaces


def crowd_in(kspace, amplitude=50.0, partition=0):
    rng = np.random.default_rng(2)
    data = kspace.data.copy()
    for line, sample in CROWD:
        gains = rng.uniform(0.5, 2) * np.exp(2j * np.pi * rng.random(kspace.n_coils))
        data[:, partition, line, sample] += (amplitude * gains).astype(np.complex64)
    return replace(kspace, data=data)


def suspects_in(partition=0, *, in_core=False):
    return [
        Suspect((partition, int(line), int(sample)), 0.002, 0.5, in_core=in_core, is_hint=True)
        for line, sample in around_the_centre()
    ]


def places_of(suspects):
    return {suspect.place for suspect in suspects}


@pytest.mark.parametrize("partition", [0, 1])
def test_a_crowd_is_found_in_its_partition_and_confirmed(partition):
    kspace = crowd_in(make_scan(n_coils=2, n_partitions=2, shape=CROWD_SHAPE), partition=partition)
    hidden = find_hidden(kspace, [*suspects_in(0), *suspects_in(1)], [])
    assert places_of(hidden) == {(partition, *place) for place in CROWD}
    points = [each.point for each in confirm(hidden, Predictions(kspace), [])]
    assert {(point.line, point.sample) for point in points} <= set(CROWD)
    assert len(points) >= 8
    assert confirm(hidden, Predictions(kspace)) == [], "alone, what the models say of them is too little"


def test_reversed_and_missing_lines_are_counted_as_the_scan_does():
    kspace = make_scan(n_coils=2, shape=CROWD_SHAPE)
    reverse = kspace.reversed_lines.copy()
    reverse[0, 30] = True
    data, sampled = kspace.data.copy(), kspace.sampled.copy()
    data[:, :, :3], sampled[:, :3] = 0, False
    wrong = crowd_in(replace(kspace, data=data, sampled=sampled))
    mirrored = wrong.data.copy()
    mirrored[:, 0, 30] = mirrored[:, 0, 30, ::-1]
    turned = replace(wrong, data=mirrored, reversed_lines=reverse)
    suspects = [
        replace(each, place=(0, each.place[1], CROWD_SHAPE[1] - 1 - each.place[2])) if each.place[1] == 30 else each
        for each in suspects_in()
    ]
    expected = {(0, line, CROWD_SHAPE[1] - 1 - sample if line == 30 else sample) for line, sample in CROWD}
    assert places_of(find_hidden(turned, suspects, [])) == expected


def test_nothing_is_looked_for_without_suspects_or_a_grid():
    kspace = crowd_in(make_scan(n_coils=2, shape=CROWD_SHAPE))
    assert find_hidden(kspace, [], []) == []
    assert find_hidden(replace(kspace, is_gridded=False), suspects_in(), []) == []


def test_a_plane_in_which_too_much_was_found_is_left_alone():
    kspace = crowd_in(make_scan(n_coils=2, shape=CROWD_SHAPE))
    point = Point(partition=0, line=1, sample=1, receivers=(0,), probability=1, scan_counter=1, time_stamp=1)
    many = [point.model_copy(update={"line": 1 + n // 70, "sample": n % 70}) for n in range(crowds.LARGEST + 1)]
    assert find_hidden(kspace, suspects_in(), many) == []
    assert find_hidden(kspace, suspects_in(), many[:5]) != []


def test_without_a_background_no_crowd_is_seen():
    rng = np.random.default_rng(1)
    kspace = make_scan(n_coils=1, shape=CROWD_SHAPE)
    everywhere = rng.normal(size=(1, 1, *CROWD_SHAPE)) + 1j * rng.normal(size=(1, 1, *CROWD_SHAPE))
    full = np.fft.fftshift(np.fft.ifft2(30 * np.exp(1j * everywhere.real)), axes=(-2, -1))
    kspace = crowd_in(replace(kspace, data=(1e3 * full).astype(np.complex64)))
    assert find_hidden(kspace, suspects_in(in_core=True), []) == []


def test_looking_for_crowds_finds_more_of_them_in_recorded_data(data_folder, monkeypatch):
    kspaces = [acquired.kspace for acquired in read_kspaces(data_folder / "bruker_tubes_1ch_3sl.h5")]
    detector = Detector(SparkDetectionSettings(provider="cpu"))

    def n_found():
        found = 0
        for number, kspace in enumerate(kspaces):
            wrong, _ = add_sparks(kspace, np.random.default_rng([4, number]), only_inner=True)
            hit = {tuple(place) for place in np.argwhere(np.any(wrong.data != kspace.data, axis=0)).tolist()}
            points = detector.detect(wrong).points
            found += sum(point.place in hit for point in points)
        return found

    together = n_found()
    monkeypatch.setattr(second_opinion, "find_hidden", lambda *_: [])
    assert together > n_found()


def test_the_rest_of_a_burst_is_looked_for_beside_what_was_found():
    kspace = make_scan(n_coils=2, shape=CROWD_SHAPE)
    data = kspace.data.copy()
    data[:, 0, 10, 20:26] += np.array([9, 60, 9, 10, 9, 9], np.complex64) * np.exp(2j * np.arange(6))
    wrong = replace(kspace, data=data)
    found = Point(partition=0, line=10, sample=21, receivers=(0, 1), probability=1, scan_counter=1, time_stamp=1)
    beside = [
        Suspect((0, 10, sample), 0.01, 0.5, in_core=False, is_hint=True) for sample in range(14, 30) if sample != 21
    ]
    hidden = find_hidden(wrong, beside, [found])
    assert places_of(hidden) == {(0, 10, sample) for sample in (20, 22, 23, 24, 25)}
    assert len(find_hidden(wrong, [replace(each, place=(0, 12, each.place[2])) for each in beside], [found])) == 0


def test_one_sample_confirmed_of_many_is_no_crowd(monkeypatch):
    kspace = make_scan(n_coils=2, shape=CROWD_SHAPE)
    one, two = (replace(kspace, data=kspace.data.copy()) for _ in range(2))
    one.data[:, 0, 30, 44] += 300
    two.data[:, 0, 30, [44, 46]] += 300
    sparks = [Suspect((0, 30, sample), 0.9, 0.5, in_core=False) for sample in (44, 46)]
    clean = [Suspect((0, 12, sample), 0.01, 0.5, in_core=False) for sample in (20, 30)]
    detector = Detector(SparkDetectionSettings(provider="cpu"))
    monkeypatch.setattr(Looks, "_judged", lambda *_, **__: [])
    for wrong, hidden, n_points in ((one, sparks[:1], 1), (one, [sparks[0], *clean], 0), (two, [*sparks, *clean], 2)):
        answers = [hidden, []]
        monkeypatch.setattr(second_opinion, "find_hidden", lambda *_, answers=answers: answers.pop(0))
        assert len(detector.detect(wrong).points) == n_points


def test_what_lies_beside_a_sample_that_was_not_confirmed_is_no_burst():
    def suspect(line, sample):
        return Suspect((0, line, sample), 0.02, 0.0067, in_core=False, is_hint=True, is_beside=True)

    beside = [suspect(4, 9), suspect(7, 20)]
    points = [*flag(make_scan(), 4, [9, 12]), *flag(make_scan(), 7, [20])]
    confirmed = [Confirmed(point, np.zeros(0), np.zeros(0)) for point in points]
    assert [each.point.place for each in of_confirmed_bursts(confirmed, beside)] == [(0, 4, 9), (0, 4, 12)]
