"""The report: records of all nodes brought together per k-space, and the summary for people."""

from __future__ import annotations

import json
import os

import pytest

from gadgets.errors import SettingsError
from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from gadgets.logbook import Report
from gadgets.records import Assembly, Calibration, Detection, Imaging, Point, RepairedPoint, TargetPatch
from pipelines.replay.gathered import in_words, merge, read_records
from pipelines.replay.scan_output import ImageResult
from pipelines.replay.scan_report import ScanReport, total
from pipelines.replay.told_by_images import from_images


def point(sample, receivers=(0, 1, 2)):
    return Point(
        partition=0, line=3, sample=sample, receivers=receivers, probability=0.9, scan_counter=4, time_stamp=12,
        over_noise=tuple(10.0 * (1 + receiver) for receiver in receivers), receivers_repaired=tuple(range(8)),
    )  # fmt: skip


def records(slice_=0, seconds=0.5):
    indices = Indices(slice=slice_)
    first, second = point(5), point(9, (1, 7))
    patch = TargetPatch(anchor=(0, 0, 0), shape=(1, 32, 32), probability=0.99, model="centre")
    return [
        ("acquisition_buffer", Assembly(indices=indices, readouts=8, missing=2, warning="2 readouts missing")),
        (
            "spark_detection",
            Detection(
                indices=indices,
                patches=16,
                target_patches=(patch,),
                points=(first, second),
                provider="CPU",
                seconds=seconds,
            ),
        ),
        (
            "calibration",
            Calibration(
                indices=indices,
                points=(
                    RepairedPoint(point=first, method="interpolation", magnitude_before=9.0, magnitude_after=1.0),
                    RepairedPoint(
                        point=second, method=None, magnitude_before=9.0, magnitude_after=9.0, refusal="no neighbours"
                    ),
                ),
                seconds=0.25,
            ),
        ),
        ("image_fft", Imaging(indices=indices, image=1 + slice_, matrix=(1, 8, 8))),
    ]


def scan_report(kspaces):
    return ScanReport(
        despark="1",
        input="in.h5",
        group="dataset",
        output="out.h5",
        pipeline="spark_calibration",
        settings={},
        returned={"images": 2, "waveforms": 0},
        seconds=3.0,
        totals=total(kspaces),
        **in_words(kspaces, ScanFacts()),
    )


def test_records_of_one_kspace_are_joined():
    (kspace,) = merge(records())
    assert (kspace.readouts, kspace.missing, kspace.patches, kspace.image) == (8, 2, 16, 1)
    assert kspace.target_patches[0].anchor == (0, 0, 0)
    repaired, refused = kspace.points
    assert (repaired.sample, repaired.method, repaired.magnitude_after) == (5, "interpolation", 1.0)
    assert (repaired.scan_counter, repaired.line, repaired.time_stamp, repaired.receivers) == (4, 3, 12, (0, 1, 2))
    assert repaired.receivers_repaired == tuple(range(8))
    (spark,) = kspace.sparks
    assert (spark.samples, spark.methods, spark.refusals) == ((5, 9), ("interpolation",), ("no neighbours",))
    assert kspace.refusals == (refused,)
    assert refused.refusal == "no neighbours"
    assert kspace.seconds == {"acquisition_buffer": 0.0, "spark_detection": 0.5, "calibration": 0.25, "image_fft": 0.0}
    assert kspace.warnings == ("acquisition_buffer: 2 readouts missing",)


def test_points_that_were_not_calibrated_are_reported_all_the_same():
    (kspace,) = merge(records()[:2])
    assert [(entry.sample, entry.method, entry.magnitude_before) for entry in kspace.points] == [
        (5, None, None),
        (9, None, None),
    ]
    assert kspace.refusals == ()


def test_kspaces_with_the_same_indices_stay_apart():
    by_node = sorted(records() + records() + records(slice_=1), key=lambda entry: entry[0])
    kspaces = merge(by_node)
    assert [kspace.indices.slice for kspace in kspaces] == [0, 0, 1]
    assert all(len(kspace.points) == 2 and kspace.image is not None for kspace in kspaces)


def test_totals_add_up():
    totals = total(merge(records() + records(slice_=1)))
    assert (totals.k_spaces, totals.patches, totals.target_patches) == (2, 32, 2)
    assert (totals.points, totals.repaired, totals.refused) == (4, 2, 2)
    assert (totals.sparks, totals.receivers, totals.receivers_repaired) == (2, (7, 2, 1, 0), tuple(range(8)))
    assert totals.providers == ("CPU",)
    assert totals.seconds["spark_detection"] == 1.0


def test_what_nodes_write_is_read_from_a_byte_on(tmp_path):
    path = tmp_path / "report.jsonl"
    path.write_text('{"node": "of an older scan"}\n')
    offset = path.stat().st_size
    for node, record in records():
        Report(path, node).add(record)
    assert read_records(path, offset) == records()


def test_lines_that_are_no_records_are_told_and_left_out(tmp_path, caplog):
    path = tmp_path / "report.jsonl"
    path.write_text('{"node": "stranger"}\n{"node": "calibration", "indices": {}}\n{"half\n[]\n')
    assert [node for node, _ in read_records(path)] == ["calibration"]
    assert [entry.getMessage().split(": ")[1][:6] for entry in caplog.records] == ["line 1", "line 3", "line 4"]


def test_a_report_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="the nodes' report cannot be read"):
        read_records(tmp_path / "nowhere.jsonl")


def test_a_scan_elsewhere_is_told_by_its_images():
    meta = {
        "despark_points_found": "3",
        "despark_points_repaired": "2",
        "despark_points_refused": "1",
        "despark_target_patches": "1",
        "despark_patches": "16",
        "despark_receivers_hit": "2 0",
        "despark_receivers_repaired": "0 1 2",
        "despark_sparks_found": "1",
        "despark_sparks": json.dumps([merge(records())[0].sparks[0].model_dump(mode="json")]),
        "despark_shape": "3 1 8 8",
        "despark_moments": "10 20",
        "despark_provider": "CUDA",
        "despark_warnings": "slow",
    }
    kspaces, totals = from_images([ImageResult(Indices(slice=1), meta), ImageResult(Indices(), {})])
    assert [kspace.indices.slice for kspace in kspaces] == [1, 0]
    assert kspaces[0].warnings == ("slow",)
    assert (totals.k_spaces, totals.points, totals.repaired, totals.refused) == (2, 3, 2, 1)
    assert (totals.receivers, totals.receivers_repaired, totals.providers) == ((2, 0), (0, 1, 2), ("CUDA",))
    assert totals.sparks == len(kspaces[0].sparks) == 1
    assert (kspaces[0].shape, kspaces[0].moments, kspaces[1].is_judged) == ((3, 1, 8, 8), (10, 20), False)


def test_sparks_that_another_version_tells_otherwise_are_left_out(caplog):
    kspaces, totals = from_images(
        [ImageResult(Indices(), {"despark_sparks": '[{"new": 1}]', "despark_points_found": "3"})]
    )
    assert (kspaces[0].sparks, totals.points) == ((), 3)
    assert "cannot be read" in caplog.text


def test_what_is_only_counted_is_still_told_of():
    meta = {"despark_sparks": '[{"new": 1}]', "despark_sparks_found": "4"}
    kspaces, totals = from_images([ImageResult(Indices(), meta)])
    told = in_words(kspaces, ScanFacts(), n_found=totals.sparks)
    assert told["verdict"] == "4 sparks, places unknown here."
    first = merge(records())
    assert in_words(first, ScanFacts(), n_found=3)["verdict"].endswith("; and 2 sparks more.")
    assert in_words(first, ScanFacts(), n_found=1)["verdict"] == in_words(first, ScanFacts())["verdict"]


def test_the_words_come_with_the_time_of_each_spark():
    facts = ScanFacts(coils=("",) * 7 + ("HEA;HE3",), tick_s=0.0025, is_clock=True)
    first, second = merge(records() + records(slice_=1))
    told = in_words([first.model_copy(update={"moments": (8, 20), "shape": (8, 1, 8, 16)}), second], facts)
    (spark,) = told["k_spaces"][0].sparks
    assert (spark.seconds, spark.clock) == (0.01, "00:00:00.030")
    assert told["verdict"].startswith("2 sparks in 2 of 2 slices, 2 repaired in part, strongest")
    assert (told["moments"], told["scan"]) == ((8, 20), facts)


def test_the_report_is_json_with_the_words_of_the_contract():
    content = json.loads(scan_report(merge(records())).model_dump_json())
    kspace = content["k_spaces"][0]
    assert {"indices", "target_patches", "points", "refusals", "provider", "seconds"} <= kspace.keys()
    assert {"anchor", "probability", "model"} <= kspace["target_patches"][0].keys()
    assert {
        "scan_counter", "line", "partition", "sample", "receivers", "time_stamp", "magnitude_before",
        "magnitude_after", "method",
    } <= kspace["points"][0].keys()  # fmt: skip


def test_a_report_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "report")
    with pytest.raises(SettingsError, match=r"report cannot be read \(expected a file, found a device or a pipe\)"):
        read_records(tmp_path / "report")
