"""What a person is told at the end of a scan: the verdict first, in 80 columns, inner terms only when asked for."""

from __future__ import annotations

import pytest
from rich.console import Console

from gadgets.findings import ScanFacts, Spark
from gadgets.indices import Indices
from gadgets.records import TargetPatch
from pipelines.commands.terminal.summary import MOST_SPARKS, UNREPORTED, summary_of
from pipelines.replay.gathered import in_words
from pipelines.replay.scan_report import KSpaceReport, PointReport, ScanReport, total

SIEMENS = ScanFacts(coils=("HEA;HE1", "HEA;HE2", "HEA;HE3", "HEA;HE4"), tick_s=0.0025, is_clock=True)


def spark(line, slice_=0, receivers=(2,), methods=("zero",), refusals=(), **more):
    return Spark(
        indices=Indices(slice=slice_), partition=0, line=line, samples=(7, 8, 9), radius=0.5, scan_counter=line,
        time_stamp=1000 + 400 * line, receivers=receivers, over_noise=(90.0,) * len(receivers),
        rnr=(0.5 + line / 10,) * len(receivers), receivers_repaired=(0, 1, 2, 3), probability=0.9, methods=methods,
        refusals=refusals, error_before=0.4, error_after=0.03, **more,
    )  # fmt: skip


def kspace(*sparks, slice_=0, **more):
    points = [
        PointReport(
            scan_counter=1, time_stamp=1, partition=0, line=each.line, sample=7, receivers=each.receivers,
            receivers_repaired=(0, 1, 2, 3), probability=0.9, method=each.methods[0] if each.methods else None,
            refusal="".join(each.refusals),
        )
        for each in sparks
    ]  # fmt: skip
    patch = TargetPatch(anchor=(0, 0, 0), shape=(1, 32, 32), probability=0.9, model="m")
    return KSpaceReport(
        indices=Indices(slice=slice_), shape=(4, 1, 64, 64), moments=(1000, 26600), patches=4, sparks=sparks,
        target_patches=(patch,) * len(sparks), points=points, refusals=[each for each in points if each.refusal],
        provider="CPU", seconds={"spark_detection": 0.5}, **more,
    )  # fmt: skip


def report(*kspaces, facts=SIEMENS, **more):
    words = in_words(kspaces, facts, is_look=more.get("pipeline") == "inspect")
    return ScanReport(**{
        "despark": "1", "input": "in.h5", "group": "dataset", "output": "out.h5", "pipeline": "spark_calibration",
        "settings": {}, "returned": {"images": 2, "waveforms": 0}, "seconds": 3.0, "totals": total(kspaces), **words,
        **more,
    })  # fmt: skip


def shown(result, verbose=0, width=80):
    console = Console(width=width, record=True)
    with console.capture() as capture:
        console.print(*summary_of(result, verbose), sep="\n")
    text = capture.get()
    assert max(map(len, text.splitlines())) <= width
    return text


def test_the_verdict_comes_first_and_the_sparks_in_the_order_of_the_scan():
    result = report(kspace(spark(3), spark(40)), kspace(spark(20, 1, refusals=("no support",), methods=()), slice_=1))
    text = shown(result)
    assert text.startswith("3 sparks in 2 of 2 slices, 2 repaired, 1 left as recorded, strongest 4.5 times")
    rows = [line.split() for line in text.splitlines() if line.startswith("slice ")]
    assert [row[2] for row in rows] == ["3", "40", "20"]
    assert rows[0] == ["slice", "0", "3", "7-9", "3.00", "s", "#2", "(HEA;HE3)", "0.8", "yes"]
    assert rows[2][-1] == "no"
    for part in (
        "0.49 times the image noise before, 0.037 after",
        "no support (1)",
        "images: 2",
        "out.h5",
        "Only receiver",
    ):
        assert part in text
    assert "waveforms" not in text


def test_inner_terms_are_told_when_they_are_asked_for():
    result = report(kspace(spark(3)))
    for term in ("target patches", "receivers repaired"):
        assert term not in shown(result)
        assert term in shown(result, verbose=1)


def test_what_was_only_looked_at_is_not_said_to_be_repaired():
    text = shown(report(kspace(spark(3), spark(40, methods=(), refusals=("no support",))), pipeline="inspect"))
    assert "repairable" in text
    assert "2, of which 1 can be repaired" in text
    assert text.count("repaired") == text.count(" be repaired")


def test_the_unit_of_all_strengths_is_explained_below_them():
    text = shown(report(kspace(spark(3))))
    assert text.index("ripple: stripes in the image over its noise") > text.index("receivers hit")


def test_short_times_are_told_in_milliseconds():
    assert "spark_detection 500 ms" in shown(report(kspace(spark(3))))


def test_ticks_are_said_to_be_ticks():
    text = shown(report(kspace(spark(3)), facts=ScanFacts()))
    assert "tick 1200" in text
    assert "tick: a step of the scanner's clock" in text
    assert "tick" not in shown(report(kspace(spark(3))))


def test_a_line_of_a_partition_is_explained():
    there = spark(3).model_copy(update={"partition": 7})
    text = shown(report(kspace(there)))
    assert " 7/3 " in text
    assert "12/40: line 40 of partition 12" in text
    assert "partition" not in shown(report(kspace(spark(3))))


def test_many_sparks_are_cut_to_the_strongest_and_many_receivers_are_counted():
    everywhere = [spark(line, receivers=(3, 1, 0, 2)) for line in range(20)]
    text = shown(report(kspace(*everywhere)))
    assert f"the {MOST_SPARKS} strongest; 8 more stand in the report" in text
    assert text.count("all 4") == MOST_SPARKS + 1
    rows = [line.split() for line in text.splitlines() if line.startswith("slice ")]
    assert [int(row[2]) for row in rows] == list(range(8, 20))


@pytest.mark.parametrize(("node", "name"), [("calibration", "method"), ("raw_repair", "calibration.method")])
def test_a_repair_that_is_switched_off_refuses_nothing(node, name):
    text = shown(report(kspace(spark(3, methods=(), refusals=("off",))), settings={node: {name: "none"}}))
    assert "1, left as they are (repair is switched off)" in text
    assert "refused" not in text


def test_a_chain_without_a_repair_is_said_to_have_none():
    left = spark(3, methods=(), refusals=())
    text = " ".join(shown(report(kspace(left))).split())
    assert "1, left as they are (nothing in the chain repairs: it has no calibration)" in text
    assert "in the chain" not in shown(report(kspace(spark(3, methods=(), refusals=("off",)))))


def test_a_scan_without_sparks_says_so():
    text = shown(report(kspace()))
    assert text.startswith("No sparks.")
    assert "image error" not in text


def test_a_summary_of_nothing_claims_nothing():
    assert "Nothing is known: no slice could be judged." in shown(report(KSpaceReport(indices=Indices())))
    assert "none (nothing was judged by a model)" in shown(report(KSpaceReport(indices=Indices())))
    text = shown(report(), width=160)
    assert " ".join(text.split()).startswith(UNREPORTED)
    assert "despark log" in UNREPORTED
    assert "abnormal points" not in text
