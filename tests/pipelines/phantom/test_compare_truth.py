import json
import os

import pytest

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from pipelines.phantom.compare_truth import RepairedPlace, added_at_peak, compare, peak_of, places_of
from pipelines.phantom.spark_truth import SimulatedSpark, Truth

SPARK = SimulatedSpark(
    acquisition=3, scan_counter=4, time_stamp=16, indices=Indices(slice=1), partition=0, line=5, first_sample=10,
    first_column=12, n_samples=3, receivers=(0, 2), gains=((0.1, 0.2), (0, 0), (0.6, -0.8)),
    burst=((0.5, 0), (0, 1), (0.2, 0.2)), peak_amplitude=100, rnr=0.4, radius=0.2,
)  # fmt: skip


def repaired(sample=13, receivers=(2,), indices=SPARK.indices):
    return RepairedPlace(indices, (0, 5, sample), receivers)


def test_places_are_columns_of_the_kspace():
    assert peak_of(SPARK) == (0, 5, 13)
    assert places_of(SPARK) == [(0, 5, 12), (0, 5, 13), (0, 5, 14)]


@pytest.mark.parametrize(
    ("place", "found", "n_beside"),
    [
        (repaired(), True, 0),
        (repaired(receivers=(0, 1, 2)), True, 0),
        (repaired(receivers=(0,)), False, 0),
        (repaired(sample=12), False, 0),
        (repaired(sample=15), False, 1),
        (repaired(indices=Indices()), False, 1),
    ],
)
def test_found_is_the_largest_sample_in_the_strongest_receiver(place, found, n_beside):
    result = compare([SPARK], [place])
    assert result.found == (found,)
    assert result.n_beside == n_beside
    (event,) = result.events
    assert (event.radius, event.rnr, event.n_receivers, event.n_hit, event.found) == (0.2, 0.4, 3, 2, found)


@pytest.mark.parametrize(("factor", "found"), [(-1, True), (-0.6, True), (-0.4, False), (-1.6, False), (9, False)])
def test_where_the_changes_are_known_less_than_half_is_left(factor, found):
    added = added_at_peak(SPARK, [SPARK])
    assert abs(added[2]) == pytest.approx(100)
    place = RepairedPlace(SPARK.indices, peak_of(SPARK), (0, 1, 2), tuple((factor * added).tolist()))
    result = compare([SPARK], [place])
    assert result.found == (found,)
    assert result.left == pytest.approx((abs(1 + factor),))
    # As in the benchmark, the receiver that was hit most decides.
    alone = RepairedPlace(SPARK.indices, peak_of(SPARK), (2,), (complex(factor * added[2]),))
    assert compare([SPARK], [alone]).left == pytest.approx(result.left)


def test_sparks_that_lie_over_each_other_add_up():
    assert added_at_peak(SPARK, [SPARK, SPARK]) == pytest.approx(2 * added_at_peak(SPARK, [SPARK]))


def test_nothing_repaired_nothing_found():
    result = compare([SPARK, SPARK], [])
    assert result.found == (False, False)
    assert result.n_beside == 0


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"peak_amplitude":100.0', '"rnr":0.4', '"burst":[[0.5'])
def test_a_truth_of_what_is_no_number_is_refused(tmp_path, place, value):
    path = tmp_path / "truth.json"
    text = Truth(source="raw.h5", seed=1, kspaces=(), sparks=(SPARK,)).model_dump_json()
    assert place in text
    path.write_text(text.replace(place, f"{place.rstrip('0123456789.')}{value}"))
    with pytest.raises(RawDataError, match="expected the truth written by despark simulate"):
        Truth.read(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("line", -1), ("partition", -(10**18)), ("first_column", 10**30), ("n_samples", 0), ("n_samples", 10**9),
        ("burst", ()), ("burst", ((0, 0),) * 3), ("gains", ((0, 0),) * 3), ("receivers", (3,)), ("peak_amplitude", 0),
        ("peak_amplitude", 1e308), ("sparked", (1e308, 1e308)),
    ],
)  # fmt: skip
def test_a_truth_of_what_cannot_be_is_refused(tmp_path, field, value):
    path = tmp_path / "truth.json"
    impossible = SPARK.model_dump(mode="json") | {field: value}
    path.write_text(json.dumps({"source": "raw.h5", "seed": 1, "kspaces": [], "sparks": [impossible]}))
    with pytest.raises(RawDataError, match="expected the truth written by despark simulate"):
        Truth.read(path)


def test_of_sparks_that_take_each_other_away_nothing_is_left():
    opposite = SPARK.model_copy(update={"burst": tuple((-real, -imaginary) for real, imaginary in SPARK.burst)})
    assert compare([SPARK, opposite], []).left == (0.0, 0.0)


def test_a_truth_that_is_none_is_refused(tmp_path):
    (tmp_path / "t.json").write_text("{}")
    for name in ("t.json", "absent.json"):
        with pytest.raises(RawDataError, match="expected the truth written by despark simulate"):
            Truth.read(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t.json")
    with pytest.raises(RawDataError, match="found no ordinary file"):
        Truth.read(tmp_path / "t.json")
