"""The candidates of the predictor, compared with each other on the same sparks in recorded data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gadgets.repair.bursts import group_bursts, surround
from gadgets.repair.fill import repair
from gadgets.repair.network.value_assignment import open_value_assignment
from gadgets.repair.predictor import Predictor
from gadgets.settings.definitions import CalibrationSettings
from pipelines.benchmark.despark import points_of
from pipelines.benchmark.sparks import add_sparks
from pipelines.files.read_kspaces import read_kspaces

METHODS = ("zero", "conjugate", "interpolation", "network", "auto")
RECORDED = ("siemens_gre_2ch.h5", "bruker_tubes_1ch_3sl.h5")


@pytest.fixture(scope="module")
def sparked(data_folder):
    """K-spaces without and with sparks, and the points where they are; every second time all near the centre."""
    rng = np.random.default_rng(4)
    made = []
    for name in RECORDED:
        clean = next(iter(read_kspaces(data_folder / name, "dataset"))).kspace
        for number in range(4):
            before, events = add_sparks(clean, rng, only_inner=number % 2 == 1)
            made.append((clean, before, points_of(clean, events)))
    return made


def left(sparked, method):
    """Share of the error that is left at the flagged samples, for each k-space; and the methods of its points."""
    settings = CalibrationSettings(method=method, provider="cpu")
    assignment = open_value_assignment(settings)
    shares, methods = [], Counter()
    for clean, before, points in sparked:
        after, record = repair(before, points, settings, assignment)
        shares.append(np.linalg.norm(after.data - clean.data) / np.linalg.norm(before.data - clean.data))
        methods.update(point.method for point in record.points)
    return np.array(shares), methods


def test_each_method_takes_away_most_of_what_it_repairs(sparked):
    for method in METHODS[:-1]:
        shares, methods = left(sparked, method)
        assert set(methods) - {None} == {method}
        # Where no partner is known for sure, and that is in most of these, the conjugate leaves all as it is.
        assert (shares.min() if method == "conjugate" else np.median(shares)) < 0.2, method


def test_the_network_is_at_least_as_good_as_the_interpolation_that_it_corrects(sparked):
    interpolation, network = (left(sparked, method)[0] for method in ("interpolation", "network"))
    assert np.exp(np.mean(np.log(network / interpolation))) < 1.02


def test_interpolation_is_better_than_zero_and_the_conjugate(sparked):
    zero, conjugate, interpolation = (left(sparked, method)[0] for method in METHODS[:3])
    assert np.median(interpolation) < 0.5 * min(np.median(zero), np.median(conjugate))


def test_auto_combines_methods_point_by_point_and_never_adds_to_the_error(sparked):
    shares, methods = left(sparked, "auto")
    assert {"zero", "interpolation"} <= set(methods)
    assert shares.max() < 1
    assert np.median(shares) < 1.1 * np.median(left(sparked, "interpolation")[0])


def test_a_kernel_is_no_candidate_where_another_is_better_even_before_rehearsals(sparked):
    (_, before, points), *_ = sparked
    bursts = group_bursts(before, points, range(len(points)))
    predictor = Predictor(surround(before, points), bursts)
    n_kernels = 0
    for burst in bursts:
        support = predictor.support(burst)
        kernel = predictor.kernel(burst, support)
        if kernel is not None:
            n_kernels += 1
            perfect, hopeless = (replace(support, error=np.full_like(support.error, size)) for size in (0, np.inf))
            assert predictor.kernel(burst, support, perfect) is None
            again = predictor.kernel(burst, support, hopeless)
            assert again is not None
            np.testing.assert_array_equal(again.error, kernel.error)
    assert n_kernels
