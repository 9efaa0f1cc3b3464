"""A scan in words: the verdict, the pattern for the service engineer, times and names."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gadgets.findings import (
    Findings,
    ScanFacts,
    by_kind,
    lasting,
    named_receivers,
    ranges_of,
    short_receivers,
    shortened,
)
from gadgets.indices import Indices
from gadgets.records import Calibration, Detection, Point, RepairedPoint

COILS = tuple(f"HEA;HE{number}" for number in range(1, 17))
SIEMENS = ScanFacts(coils=COILS, tick_s=0.0025, is_clock=True)
SHAPE = (16, 1, 128, 128)


def detection(*points, slice_=0, shape=SHAPE, patches=16, moments=(1000, 52200), **more):
    return Detection(
        indices=Indices(slice=slice_), shape=shape, centre=(0, 64, 64), acquired=16384, moments=moments,
        patches=patches, points=points, **more,
    )  # fmt: skip


def point(line, sample=40, receivers=(3, 7), strength=256.0):
    return Point(
        partition=0, line=line, sample=sample, receivers=receivers, over_noise=(strength,) * len(receivers),
        receivers_repaired=tuple(range(16)), error_left=3.0, probability=0.9, scan_counter=line,
        time_stamp=1000 + 400 * line,
    )  # fmt: skip


def repairs(found, method="zero", refusal=""):
    return Calibration(
        indices=found.indices,
        points=tuple(
            RepairedPoint(point=each, method=method, magnitude_before=2, magnitude_after=1, refusal=refusal)
            for each in found.points
        ),
    )


def findings_of(*detections, facts=SIEMENS, **fate):
    findings = Findings(facts)
    for found in detections:
        findings.add(found, repairs(found, **fate))
    return findings


def random_places(n, seed=3):
    rng = np.random.default_rng(seed)
    return [(int(line), int(rng.integers(4, 124))) for line in rng.choice(128, n, replace=False)]


def test_a_clean_scan_has_a_clear_verdict():
    assert findings_of(detection()).verdict == "No sparks."
    assert Findings().verdict == "Nothing was judged: there were no imaging data."


def test_a_burst_in_two_of_many_receivers_names_these_two():
    findings = findings_of(detection(point(40)))
    assert findings.verdict == (
        "1 spark, repaired, strongest 2 times the image noise; in receivers 3 (HEA;HE4) and 7 (HEA;HE8) alone."
    )
    (pattern,) = findings.patterns
    assert (pattern.kind, "preamplifier" in pattern.advice) == ("receivers", True)


def test_the_verdict_counts_slices_and_what_was_left():
    clean = [detection(slice_=slice_) for slice_ in range(17)]
    hit = [detection(point(20 + slice_), point(90, receivers=(12,)), slice_=slice_) for slice_ in (17, 18, 19)]
    text = findings_of(*clean, *hit, method=None, refusal="no support").verdict
    assert text.startswith("6 sparks in 3 of 20 slices, left as recorded, strongest 2 times the image noise")


def at(found, **indices):
    return found.model_copy(update={"indices": Indices(**indices)})


def test_kspaces_that_differ_by_more_than_the_slice_are_no_slices():
    twice = [at(detection(point(3)), contrast=each) for each in (0, 1)]
    assert "2 of 2 k-spaces," in findings_of(*twice).verdict


def test_the_verdict_of_a_series_counts_repetitions():
    of_one_slice = [at(detection(*[point(3)] * (each in (1, 4))), repetition=each) for each in range(6)]
    assert "2 sparks in 2 of 6 repetitions, all repaired" in findings_of(*of_one_slice).verdict
    series = [
        at(detection(*[point(3)] * (each == 4)), repetition=each, slice=slice_)
        for each in range(6)
        for slice_ in (0, 1)
    ]
    assert "2 sparks in 2 of 12 k-spaces (1 of 6 repetitions), all" in findings_of(*series).verdict


def test_a_spark_that_nobody_can_see_is_said_to_be_too_weak():
    weak = findings_of(detection(point(40, receivers=(0, 1, 2, 3, 4, 5), strength=2.0)))
    assert weak.verdict == "1 spark, repaired, too weak to be seen (strongest 0.016 times the image noise)."
    many = [point(*place, receivers=(0, 1, 2, 3, 4, 5), strength=12.0) for place in random_places(2)]
    # Each is below a tenth of the noise; together, in one image, they are not.
    assert "too weak" not in findings_of(detection(*many)).verdict


def test_what_a_repair_would_do_is_not_said_to_be_done():
    looked = Findings(SIEMENS, is_look=True)
    found = detection(point(40))
    looked.add(found, repairs(found))
    assert looked.verdict.startswith("1 spark, can be repaired, strongest")
    left = detection(point(90), slice_=1)
    looked.add(left, repairs(left, method=None, refusal="no support"))
    assert "1 can be repaired, 1 cannot be repaired, strongest" in looked.verdict


def test_what_could_not_be_judged_is_said():
    unjudged = detection(patches=0, warning="passed on unjudged: no device")
    assert findings_of(detection(), unjudged).verdict == "No sparks; 1 of 2 k-spaces could not be judged."
    assert findings_of(unjudged).verdict == "Nothing is known: no slice could be judged."


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("receivers", [point(*place, receivers=(12,)) for place in random_places(7)]),
        ("everywhere", [point(*place, receivers=tuple(range(16))) for place in random_places(7)]),
        ("position", [point(line, 77, receivers=tuple(range(9))) for line in (4, 30, 60, 80, 99)]),
        ("gradient", [point(line, receivers=(1, 2, 3, 4, 5, 6), sample=5 + 9 * line % 119) for line in
                      (1, 4, 9, 12, 119, 123, 125)]),
        ("end", [point(100 + each, receivers=(1, 2, 3, 4, 5, 6), sample=(31 * each) % 120) for each in
                 (0, 3, 5, 6, 7, 9)]),
    ],
)  # fmt: skip
def test_the_pattern_is_named(kind, points):
    patterns = findings_of(detection(*points)).patterns
    assert patterns[0].kind == kind
    assert patterns[0].brief in findings_of(detection(*points)).verdict


def test_sparks_without_anything_in_common_have_no_pattern():
    for seed in range(20):
        receivers = [tuple(int(each) for each in np.random.default_rng(seed + n).permutation(16)[:6]) for n in range(6)]
        places = random_places(6, seed)
        points = [point(*place, receivers=hit) for place, hit in zip(places, receivers, strict=True)]
        assert findings_of(detection(*points)).patterns == ()


def test_a_single_receiver_is_no_cluster():
    assert findings_of(detection(point(3, receivers=(0,)), shape=(1, 1, 128, 128))).patterns == ()


def test_times_are_told_in_seconds_and_by_the_clock_where_the_tick_is_known():
    (spark,) = findings_of(detection(point(40))).sparks
    assert (spark.seconds, spark.clock) == (40.0, "00:00:42.500")
    (unknown,) = findings_of(detection(point(40)), facts=ScanFacts()).sparks
    assert (unknown.seconds, unknown.clock) == (None, "")


def test_a_scan_over_midnight_goes_forward():
    assert SIEMENS.seconds_between(34_559_900, 100) == pytest.approx(0.5)
    assert SIEMENS.clock_of(34_559_900) == "23:59:59.750"
    assert ScanFacts(tick_s=0.0025).clock_of(5) == ""


def test_receivers_are_named_as_they_are_found():
    assert named_receivers([12], COILS) == "receiver 12 (HEA;HE13)"
    assert named_receivers([0, 30], COILS) == "receivers 0 (HEA;HE1) and 30"
    assert named_receivers(range(9), ()) == "receivers 0, 1, 2, 3, 4, 5 and 3 more"


def test_receivers_are_named_briefly_and_not_to_be_taken_for_their_number():
    assert short_receivers([12], 16, COILS) == "#12 (HEA;HE13)"
    assert short_receivers([7, 3], 16, ()) == "#7, #3"
    assert short_receivers(range(9), 16, COILS) == "9 of 16"
    assert short_receivers(range(16), 16, COILS) == "all 16"
    assert short_receivers(range(9), 0, ()) == "9 receivers"
    assert short_receivers([0], 1, ()) == "#0"
    assert ranges_of([5, 0, 1, 2]) == "0-2, 5"


def test_times_below_a_second_are_told_in_milliseconds():
    assert [lasting(seconds) for seconds in (0.0, 0.0124, 0.9996, 75.25)] == ["0 ms", "12 ms", "1.00 s", "75.25 s"]


def test_what_differs_only_in_numbers_is_said_once():
    texts = Counter({"at most 2.4 times as far (slice 3)": 2, "no support": 4, "at most 11 times as far (slice 20)": 3})
    assert by_kind(texts) == [("at most 11 times as far (slice 20) and alike", 5), ("no support", 4)]


def test_a_long_name_keeps_its_beginning_and_its_end():
    assert shortened("HeadNeck_20_TCS_coil_12", 11) == "HeadN…il_12"
    assert shortened("HeadNeck_20_TCS_coil_12", 10) == "HeadN…l_12"
    assert shortened("HEA;HE1", 7) == "HEA;HE1"
