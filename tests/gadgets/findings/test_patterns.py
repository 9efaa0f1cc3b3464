"""Patterns of simulated sparks: each source is named for the service engineer, and sparks at random name none."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from gadgets.findings import Extent, Findings, ScanFacts, Spark
from gadgets.findings.pattern import CHANCE, is_no_chance
from gadgets.indices import Indices

N_LINES, N_SAMPLES, N_COILS, TR = 64, 128, 16, 40


class Scan:
    """Slices read in turns, line by line, and all of it again in each repetition; sparks fall where they are told."""

    def __init__(self, n_slices=4, n_repetitions=1, is_interleaved=True, seed=0, centre_line=N_LINES // 2):
        self.n_slices, self.n_repetitions, self.is_interleaved = n_slices, n_repetitions, is_interleaved
        self.rng, self.centre = np.random.default_rng(seed), (0, centre_line, N_SAMPLES // 2)
        self.sparks = []

    def time_of(self, repetition, slice_, line):
        number = line * self.n_slices + slice_ if self.is_interleaved else slice_ * N_LINES + line
        return 1000 + TR * (repetition * N_LINES * self.n_slices + number)

    def add(self, n, repetition=None, slice_=None, line=None, sample=None):
        """Add sparks at given places, or at random ones where none is given; receivers are drawn."""
        drawn = self.rng.integers
        for _ in range(n):
            own = (
                int(drawn(self.n_repetitions)) if repetition is None else repetition,
                int(drawn(self.n_slices)) if slice_ is None else slice_,
                int(drawn(N_LINES)) if line is None else line() if callable(line) else line,
            )
            time, at = self.time_of(*own), int(drawn(N_SAMPLES)) if sample is None else sample
            hit = tuple(int(each) for each in self.rng.permutation(N_COILS)[:6])
            self.sparks.append(
                Spark(
                    indices=Indices(repetition=own[0], slice=own[1]), partition=0, line=own[2], samples=(at,),
                    radius=0.5, scan_counter=0, time_stamp=time, receivers=hit, rnr=(0.5,) * 6,
                    receivers_repaired=hit, probability=0.9, methods=("zero",),
                )
            )  # fmt: skip
        return self

    def patterns(self, n_lines_of_the_last=N_LINES):
        findings = Findings(ScanFacts())
        for repetition in range(self.n_repetitions):
            n_lines = n_lines_of_the_last if repetition == self.n_repetitions - 1 else N_LINES
            extent = Extent((N_COILS, 1, n_lines, N_SAMPLES), self.centre)
            for slice_ in range(self.n_slices):
                indices = Indices(repetition=repetition, slice=slice_)
                moments = self.time_of(repetition, slice_, 0), self.time_of(repetition, slice_, N_LINES - 1)
                own = [spark for spark in self.sparks if spark.indices == indices]
                findings.note(indices, extent, moments, own, is_judged=True)
        return {pattern.kind: pattern for pattern in findings.patterns}


def test_a_slice_that_is_read_in_turns_with_others_is_a_moment_of_the_tr():
    pattern = Scan(n_slices=6).add(8, slice_=2).add(1).patterns()["moment"]
    assert pattern.brief in (f"{n} of them in slice 2, always at the same moment of the TR" for n in (8, 9))
    assert "in step with the sequence" in pattern.advice


def test_a_slice_that_is_read_alone_is_none():
    assert "moment" not in Scan(n_slices=6, is_interleaved=False).add(8, slice_=2).patterns()


def test_a_line_that_is_hit_in_every_repetition_is_a_moment_of_an_echo_train():
    scan = Scan(n_slices=1, n_repetitions=12)
    for repetition in (1, 3, 4, 6, 9, 10):
        scan.add(1, repetition=repetition, line=17)
    pattern = scan.add(1).patterns()["moment"]
    assert pattern.brief == "6 of them in line 17, each at another time"


@pytest.mark.parametrize(("n_lines", "is_named"), [(N_LINES, True), (4, False)])
def test_of_few_lines_one_may_well_be_hit_again_and_again(n_lines, is_named):
    scan = Scan(n_slices=1, n_repetitions=8)
    for repetition in (1, 3, 5, 7):
        scan.add(1, repetition=repetition, line=2)
    assert ("moment" in scan.patterns(n_lines_of_the_last=n_lines)) is is_named


def test_a_line_that_is_hit_in_all_slices_at_once_is_one_event_of_some_length():
    scan = Scan(n_slices=40)
    for slice_ in range(6):
        scan.add(1, slice_=slice_, line=17)
    assert "moment" not in scan.patterns()


def test_a_sample_of_the_readout_is_a_moment_of_it():
    pattern = Scan().add(6, sample=100).add(2).patterns()["position"]
    assert pattern.brief == "6 of them at sample 100 of their readouts"
    assert "same moment of the readout" in pattern.advice


def test_lines_with_a_strong_gradient_name_its_axis():
    scan = Scan()
    outer = lambda: int(scan.rng.choice([0, 1, 2, 3, 4, 60, 61, 62, 63]))  # noqa: E731
    pattern = scan.add(9, line=outer).patterns()["gradient"]
    assert "line (phase-encoding) axis" in pattern.advice


def test_the_gradient_of_a_line_grows_with_its_distance_from_the_centre_of_kspace():
    # Partial Fourier: the centre is line 8 of 64, and lines 0 to 7 are read with hardly any gradient.
    near, far = Scan(centre_line=8), Scan(centre_line=8)
    assert "gradient" not in near.add(9, line=lambda: int(near.rng.integers(8))).patterns()
    assert "gradient" in far.add(9, line=lambda: int(far.rng.integers(52, 64))).patterns()


def test_the_last_quarter_of_the_time_is_the_end_of_the_scan():
    scan = Scan(n_repetitions=8)
    pattern = scan.add(5, repetition=6).add(4, repetition=7).patterns()["end"]
    assert pattern.brief == "9 of them in the last quarter of the scan"


@pytest.mark.parametrize("n", [4, 9, 30])
def test_sparks_at_random_name_no_source(n):
    named = [
        kind
        for seed in range(100)
        for kind in Scan(n_slices=4, n_repetitions=3, seed=1000 * n + seed).add(n).patterns()
    ]
    # Four questions are asked of each of a hundred scans, and each is answered wrongly once in a thousand times.
    assert len(named) <= 1


def test_scans_of_thousands_of_sparks_have_patterns_as_those_of_a_few():
    assert Scan(n_repetitions=20).add(3000, sample=40).add(200).patterns().keys() == {"position"}
    assert not Scan(n_repetitions=20).add(3000).patterns()


@pytest.mark.parametrize("order", ["one by one", "all at once", "one within another"])
def test_patterns_of_thousands_of_slices_take_no_time(order):
    n_slices, findings = 4000, Findings(ScanFacts())
    begun = time.perf_counter()
    for number in range(n_slices):
        span = {"one by one": (number, number + 1), "all at once": (1, 9000), "one within another": (number, 9000)}
        spark = Scan(n_slices).add(1, slice_=number, sample=7).sparks
        extent = Extent((N_COILS, 1, N_LINES, N_SAMPLES))
        findings.note(Indices(slice=number), extent, span[order], spark, is_judged=True)
    assert "position" in {pattern.kind for pattern in findings.patterns}
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(("n", "k", "probability"), [(8, 7, 0.25), (40, 32, 0.5), (200, 25, 0.05), (4, 4, 0.1)])
def test_chance_is_the_tail_of_a_binomial_distribution(n, k, probability):
    tail = sum(math.comb(n, each) * probability**each * (1 - probability) ** (n - each) for each in range(k, n + 1))
    most = int(CHANCE / tail)
    assert is_no_chance(n, k, probability, most)
    assert not is_no_chance(n, k, probability, most + 1)
    assert not is_no_chance(n, k, 1.0)


@pytest.mark.parametrize("sizes", [(64, 8), (8, 64)])
def test_kspaces_of_the_same_indices_may_differ_in_size(sizes):
    scan, findings = Scan(n_slices=1).add(6), Findings(ScanFacts())
    for n_lines in sizes:
        own = [spark for spark in scan.sparks if (spark.line >= 8) is (n_lines == 64)]
        findings.note(Indices(), Extent((N_COILS, 1, n_lines, N_SAMPLES)), (1, 9), own, is_judged=True)
    assert findings.verdict.startswith("6 sparks")
