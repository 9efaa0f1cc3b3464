from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace, make_scan

from pipelines.benchmark.rivals import ScanRival
from pipelines.benchmark.run import Draws, score_file
from pipelines.benchmark.score import ImageError, ScoredEvent, count_changed, image_of, score_event
from pipelines.benchmark.sparks import add_sparks
from pipelines.benchmark.totals import FileScore, Proportion, by_group, total


def scored(radius=0.5, rnr=1.0, n_receivers=8, n_hit=8, found=True):
    return ScoredEvent(radius, rnr, n_receivers, n_hit, found)


def file_score(**changes):
    default = FileScore("a", "median", 2, 0, True, (scored(),), (0.5, 0.1), 0.01)
    return replace(default, **changes)


def naive_image(data):
    """Sum the inverse transform term by term."""
    n_coils, *shape = data.shape
    frequencies = [np.exp(2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n) for n in shape]
    image = np.zeros(shape)
    for coil in range(n_coils):
        image += np.abs(np.einsum("zyx,zk,yl,xm->klm", data[coil], *frequencies)) ** 2
    return np.sqrt(image)


@pytest.mark.parametrize(("left", "found"), [(0.49, True), (0.51, False), (-0.49, True), (1.0, False)])
def test_found_means_less_than_half_is_left_at_the_largest_sample(left, found):
    clean = make_kspace()
    before, (event, *_) = add_sparks(clean, np.random.default_rng(4))
    after = before.data.copy()
    after[event.peak] = clean.data[event.peak] + left * (before.data[event.peak] - clean.data[event.peak])
    assert score_event(event, clean, before, after).found is found


def test_changed_samples_are_counted_once_for_all_receivers():
    clean = make_kspace(missing_lines=(0,))
    data = clean.data.copy()
    data[:, 0, 3, 4] += 1
    data[1, 0, 5, 6] = np.nan
    data[:, 0, 0, 0] = 1  # was never sampled
    assert count_changed(clean, data) == 2
    assert count_changed(replace(clean, data=data), data) == 0


def test_image_agrees_with_a_plain_sum():
    data = make_kspace(shape=(2, 5, 6), n_coils=2).data
    np.testing.assert_allclose(image_of(data), naive_image(data), rtol=1e-5)


def test_error_left_is_a_ratio_of_norms_over_all_kspaces():
    rng = np.random.default_rng(0)
    images = rng.random((3, 2, 1, 4, 4))
    error = ImageError()
    for number in range(2):
        error.add(*images[:, number])
    clean, before, after = images
    assert error.left == pytest.approx(np.linalg.norm(after - clean) / np.linalg.norm(before - clean))
    assert np.isnan(ImageError().left)


@pytest.mark.parametrize(
    ("count", "trials", "low", "high"),
    # From R: prop.test(count, trials, correct = FALSE)$conf.int
    [(8, 10, 0.4901625, 0.9433178), (0, 20, 0.0, 0.1611252), (20, 20, 0.8388748, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval(count, trials, low, high):
    assert Proportion(count, trials).interval == pytest.approx((low, high), abs=1e-6)


def test_share_of_nothing_is_not_a_number():
    assert np.isnan(Proportion(0, 0).share)


@pytest.mark.parametrize(
    ("event", "groups"),
    [
        (scored(radius=0.0999, rnr=0.249, n_receivers=1, n_hit=1), ("r < 0.1", "rnr < 0.25", "1", "single receiver")),
        (scored(radius=0.1, rnr=0.25, n_receivers=2), ("0.1 … 0.3", "0.25 … 1", "2-3", "several receivers")),
        (scored(radius=0.3, rnr=1.0, n_receivers=3), ("0.1 … 0.3", "0.25 … 1", "2-3", "several receivers")),
        (scored(radius=0.31, rnr=1.01, n_receivers=4), ("> 0.3", "> 1", ">= 4", "several receivers")),
    ],
)
def test_classes(event, groups):
    assert tuple(event.group(grouping) for grouping in ("ring", "strength", "receivers", "hit")) == groups


def test_every_event_is_in_one_class():
    rng = np.random.default_rng(0)
    events = [scored(radius=r, found=bool(rng.integers(2))) for r in rng.random(50)]
    classes = by_group(events, "ring")
    assert sum(proportion.trials for proportion in classes.values()) == 50
    assert sum(proportion.count for proportion in classes.values()) == sum(event.found for event in events)


def test_total_leaves_out_files_with_interference():
    files = [
        file_score(harmed=3, n_kspaces=2),
        file_score(errors_left=(0.2, 4.0), n_kspaces=1, seconds_per_kspace=0.04),
        file_score(harmed=99, counts_as_clean=False, events=(), errors_left=()),
    ]
    result = total(files)
    assert result.found == Proportion(2, 2)
    assert result.harmed == 3
    assert result.harm_per_kspace == 1
    assert result.untouched == Proportion(1, 2)
    assert result.median_error_left == pytest.approx(0.35)
    assert result.worst_error_left == 4.0
    assert result.seconds_per_kspace == pytest.approx(0.02)


def test_total_of_two_rivals_is_refused():
    with pytest.raises(ValueError, match="expected the scores of one rival, found \\['median', 'other'\\]"):
        total([file_score(), file_score(rival="other")])


def test_an_oracle_finds_everything_and_an_idler_nothing():
    kspaces = [make_kspace(seed) for seed in (0, 1)]
    by_name = {kspace.data.tobytes(): kspace.data for kspace in kspaces}

    def oracle(kspace):
        return min(by_name.values(), key=lambda clean: np.abs(clean - kspace.data).sum())

    steps = []
    idler, perfect = score_file(
        "two",
        kspaces,
        {"idler": lambda kspace: kspace.data, "oracle": oracle},
        Draws(1),
        advance=lambda: steps.append(1),
    )
    assert len(steps) == 2 * (4 + 1)
    assert idler.found.count == 0
    assert idler.errors_left == pytest.approx((1, 1, 1, 1))
    assert perfect.found.share == 1
    assert perfect.errors_left == (0, 0, 0, 0)
    assert idler.harmed == perfect.harmed == 0
    assert idler.found.trials == perfect.found.trials >= 8


def test_scores_do_not_depend_on_the_other_rivals():
    kspaces = [make_kspace(2)]
    idle = {"idler": lambda kspace: kspace.data}
    (alone,) = score_file("x", kspaces, idle, Draws(3))
    together = score_file("x", kspaces, {"breaker": lambda kspace: kspace.data * 2, **idle}, Draws(3))[1]
    assert alone.events == together.events


def test_interference_is_harmed_but_gets_no_sparks():
    (score,) = score_file(
        "x", [make_kspace()], {"all": lambda kspace: kspace.data * 2}, Draws(0), counts_as_clean=False
    )
    assert score.harmed == 24 * 32
    assert score.events == ()
    assert score.errors_left == ()


class Counts:
    """Does nothing, and notes which k-spaces each of its scans is given."""

    def __init__(self):
        self.scans = []

    def open(self):
        given = []
        self.scans.append(given)
        return lambda kspace: given.append(kspace.indices.repetition) or kspace.data


def test_each_run_is_a_scan_and_a_series_is_scored_from_its_second_kspace_on():
    counts, kspaces = Counts(), [make_scan(1), make_scan(1, seed=1)]
    (score,) = score_file("x", kspaces, {"counts": ScanRival(counts.open)}, Draws(0, n_runs=2, n_series=3))
    assert counts.scans == [[0, 1, 2, 0, 1, 2]] * 3
    assert score.n_kspaces == 4
    assert len(score.errors_left) == 2
    (once,) = score_file("x", kspaces, {"counts": ScanRival(counts.open)}, Draws(0, n_runs=2))
    assert once.n_kspaces == 2
