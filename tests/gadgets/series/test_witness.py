"""The witness: what stands out of earlier k-spaces, and what does not."""

from dataclasses import replace

import numpy as np
from helpers.kspaces import make_scan
from helpers.sparks import with_sparks

from gadgets.series import SeriesMemory
from pipelines.benchmark.series import simulate_series

SPARK = (0, 30, 43)


def series(seed=0, n_kspaces=3, **how):
    return simulate_series(make_scan(2, seed=seed), np.random.default_rng(seed), n_kspaces, **how)


def witness_of(earlier, now):
    memory = SeriesMemory(1e9)
    for each in earlier:
        memory.accept(each)
    return memory.witness(now)


def test_a_spark_stands_out_and_nothing_else_does():
    first, second, third = series()
    assert witness_of([first, second], with_sparks(third, {SPARK: None}, 200)).standing_out == [SPARK]
    assert SPARK in witness_of([first], with_sparks(second, {SPARK: (1,)}, 200)).standing_out


def test_a_spark_of_before_is_no_norm():
    first, second, third = series()
    spoilt = with_sparks(second, {SPARK: None}, 200)
    assert witness_of([first, spoilt], third).standing_out == []


def test_what_was_repaired_and_comes_again_is_no_spark():
    scan, rng = make_scan(2), np.random.default_rng(0)
    kspaces = [replace(scan, data=scan.data + rng.normal(size=scan.data.shape).astype(np.float32)) for _ in range(3)]
    feature = [with_sparks(each, {SPARK: None}, 200) for each in kspaces]
    memory = SeriesMemory(1e9)
    for clean, recorded in zip(kspaces[:2], feature[:2], strict=True):
        memory.accept(recorded, clean.data)
    assert SPARK not in memory.witness(feature[2]).standing_out
    assert SPARK in memory.witness(with_sparks(kspaces[2], {SPARK: None}, 500, seed=8)).standing_out


def test_a_reversed_readout_is_told_by_its_own_sample():
    kspaces = series()
    for kspace in kspaces:
        kspace.reversed_lines[0, 30] = True
        kspace.data[:, 0, 30] = kspace.data[:, 0, 30, ::-1].copy()
    assert witness_of(kspaces[:2], with_sparks(kspaces[2], {(0, 30, 36): None}, 200)).standing_out == [(0, 30, 36)]


def test_too_little_in_common_says_nothing():
    first, second, _ = series()
    sampled = first.sampled.copy()
    sampled[:, 24:40] = False
    sparse = replace(first, sampled=sampled, data=np.where(sampled, first.data, 0))
    assert SPARK not in witness_of([sparse], with_sparks(second, {SPARK: None}, 200)).standing_out
    sampled[:, :58] = False
    sparse = replace(first, sampled=sampled, data=np.where(sampled, first.data, 0))
    assert witness_of([sparse], second).differences(0) is None


def test_samples_that_are_no_numbers_are_left_out():
    first, second, _ = series()
    data = second.data.copy()
    data[0, 0, 31, 41] = np.nan
    witness = witness_of([first], with_sparks(replace(second, data=data), {SPARK: None}, 200))
    assert SPARK in witness.standing_out
    assert np.isfinite(witness.differences(0).difference).all()


def test_what_is_doubtful_in_one_is_told_by_the_other():
    first, second, third = series()
    memory = SeriesMemory(1e9)
    memory.accept(first)
    memory.accept(second, doubtful=[SPARK])
    witness = memory.witness(with_sparks(third, {SPARK: None}, 200))
    assert SPARK in witness.standing_out
    assert witness.is_unsure_of(SPARK)
    assert witness.predicted_at(SPARK) is None, "the other one may be the one that is wrong"


def test_what_belongs_at_a_place_is_known_from_two_and_nowhere_beyond_the_middle():
    first, second, third = series()
    witness = witness_of([first, second], with_sparks(third, {SPARK: None}, 200))
    assert np.abs(witness.predicted_at(SPARK) - third.data[(slice(None), *SPARK)]).max() < 20
    assert witness.predicted_at((0, 2, 3)) is None
    assert witness_of([first], second).predicted_at(SPARK) is None


def test_where_the_object_has_changed_others_have_to_agree():
    still, moved = series(n_kspaces=4), series(n_kspaces=4, change="table")
    assert not witness_of(still[:2], with_sparks(still[2], {SPARK: None}, 200)).is_unsure_of(SPARK)
    assert witness_of(moved[:2], moved[2]).is_unsure_of(SPARK)


def test_sparks_in_a_row_stand_out_where_the_receivers_tell_them_from_motion():
    first, second, third = simulate_series(make_scan(6), np.random.default_rng(0), 3)
    row = {(0, 30, sample): None for sample in range(35, 46)}
    assert set(row) <= set(witness_of([first, second], with_sparks(third, row, 500)).standing_out)
    data = third.data.copy()
    # The image lies elsewhere while one readout is acquired: another phase for each of its samples.
    data[:, 0, 30] *= np.exp(0.8j + 0.05j * np.arange(data.shape[-1]))
    assert witness_of([first, second], replace(third, data=data)).standing_out == []


def witness_in_scan(kspaces):
    """Ask of the last k-space what a scan has shown until then, with what changed from one to the next."""
    memory = SeriesMemory(1e9)
    for each in kspaces:
        witness = memory.witness(each)
        memory.accept(each, changes=None if witness is None else witness.usual_changes)
    return witness


def as_repetitions(kspaces):
    return [
        replace(each, indices=each.indices.model_copy(update={"contrast": 0, "repetition": number}))
        for number, each in enumerate(kspaces)
    ]


def test_where_more_changes_than_did_before_the_series_is_silent():
    first, second, third, _ = series(n_kspaces=4, change="table")
    spoilt = with_sparks(third, {SPARK: None}, 20000)
    assert SPARK in witness_of([first, second], spoilt).standing_out
    assert witness_in_scan([first, second, spoilt]).standing_out == []


def test_where_every_kspace_changes_as_much_the_series_is_not_silent():
    weighted = as_repetitions(series(n_kspaces=4, kind="diffusion"))
    spoilt = with_sparks(weighted[-1], {SPARK: None}, 2000)
    assert SPARK in witness_in_scan([*weighted[:-1], spoilt]).standing_out


def test_the_first_kspace_of_another_contrast_tells_nothing_of_usual_changes():
    other = series(n_kspaces=2, kind="inversion")
    assert witness_in_scan(other).usual_changes == {}
    assert set(witness_in_scan(as_repetitions(other)).usual_changes) == {0}
