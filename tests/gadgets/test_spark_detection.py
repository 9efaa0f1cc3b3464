"""The node SparkDetection on a connection, with a detector whose results are known."""

import json
import os

import numpy as np
import pytest
from helpers.builders import acquisition, configuration, encoding, head, header_xml, stream, waveform
from helpers.connections import parse, run_on_connection
from helpers.fakes import Breaks, FindsGiven

import gadgets.spark_detection
from gadgets.acquisition_buffer import acquisition_buffer
from gadgets.records import Detection
from gadgets.spark_detection import spark_detection
from gadgets.wire import RecordCollector

HEADER = header_xml([encoding()])


@pytest.fixture
def use(monkeypatch):
    def replace(detector):
        monkeypatch.setattr(gadgets.spark_detection, "detector_for", lambda _: detector)
        return detector

    return replace


def detected(items, **properties):
    """Ids of the messages that went out, and the detections among them."""
    buffered = run_on_connection(acquisition_buffer, stream(items, HEADER), hang_up=False)
    sent = parse(
        run_on_connection(spark_detection, head(configuration(**properties), HEADER) + buffered, hang_up=False)
    )
    collector = RecordCollector()
    for message_id, item in sent:
        if message_id == 1026:
            collector.add(item)
    return sent, collector.take(Detection)


def scan(**fields):
    return [acquisition(line, **fields) for line in range(8)]


def test_points_go_ahead_of_the_kspace_they_belong_to(use, tmp_path):
    use(FindsGiven((0, 2, 3)))
    sent, detections = detected([*scan(), waveform(5), *scan(repetition=1)], report=tmp_path / "r")
    assert [message_id for message_id, _ in sent] == [1026, 1023, 1026, 1026, 1023, 4]
    assert [item.waveform_id for message_id, item in sent if message_id == 1026] == [1100, 5, 1100]
    assert [detection.indices.repetition for detection in detections] == [0, 1]
    (point,) = detections[0].points
    assert (point.partition, point.line, point.sample, point.scan_counter, point.time_stamp) == (0, 2, 3, 3, 8)
    lines = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    assert [line["node"] for line in lines] == ["spark_detection"] * 2
    assert lines[1]["points"][0]["line"] == 2


def test_method_none_opens_no_model_and_finds_nothing():
    sent, (detection,) = detected(scan(), method="none")
    assert [message_id for message_id, _ in sent] == [1026, 1023, 4]
    assert detection.points == ()


def test_a_detector_that_breaks_lets_the_data_go_on_with_a_warning(use, caplog):
    use(Breaks())
    sent, (detection,) = detected(scan())
    assert [message_id for message_id, _ in sent] == [1026, 1023, 4]
    assert detection.warning.startswith("passed on unjudged: the device is gone")
    assert detection.provider == "CUDAExecutionProvider"
    assert "spark_detection failed (first k-space)" in caplog.text


def test_a_detector_that_breaks_is_an_error_where_that_is_asked_for(use):
    use(Breaks())
    sent, detections = detected(scan(slice=3), on_failure="fail")
    assert not detections
    assert sent[0] == (8, "spark_detection: slice 3: the device is gone, 2 receivers waiting")


def test_samples_that_are_not_finite_are_counted_and_left_to_the_detector(use):
    detector = use(FindsGiven((0, 2, 4)))
    items = scan()
    samples = items[2].data.copy()
    samples[0, 3] = np.nan
    items[2] = items[2].with_data(samples)
    _, (detection,) = detected(items)
    assert [point.sample for point in detection.points] == [4]
    assert detection.warning == "1 NaN or Inf samples were passed on unjudged"
    assert np.argwhere(~np.isfinite(detector.seen[0].data)).tolist() == [[0, 0, 2, 3]]


MISSING = "expected a manifest of models, cannot read it (No such file or directory)"


def test_models_that_are_missing_cost_judgement_and_no_data(tmp_path, caplog):
    sent, (detection,) = detected(scan(), models=tmp_path / "gone", report=tmp_path / "r")
    assert [message_id for message_id, _ in sent] == [1026, 1023, 4]
    assert detection.warning.startswith("passed on unjudged: ")
    assert MISSING in detection.warning
    assert "the scan goes on as acquired" in caplog.text
    assert json.loads((tmp_path / "r").read_text())["warning"] == detection.warning


def test_models_that_are_missing_are_an_error_where_that_is_asked_for(tmp_path, caplog):
    sent, _ = detected(scan(), models=tmp_path / "gone", on_failure="fail")
    assert sent[0] == (8, f"spark_detection: manifest.json: {MISSING}")
    assert str(tmp_path) not in caplog.text


@pytest.mark.parametrize("history", ["missing", "folder", "pipe", "damaged"])
def test_a_history_that_cannot_be_read_costs_judgement_and_no_data(tmp_path, history):
    path = tmp_path / "history.jsonl"
    if history == "folder":
        path.mkdir()
    elif history == "pipe":
        os.mkfifo(path)
    elif history == "damaged":
        path.write_text("no record\n")
    sent, (detection,) = detected(scan(), history=path, thresholds_from="history", provider="cpu")
    assert [message_id for message_id, _ in sent] == [1026, 1023, 4]
    assert "expected a " in detection.warning


def test_settings_that_are_wrong_in_themselves_are_refused(tmp_path):
    sent, _ = detected(scan(), merge="patch", models=tmp_path / "gone")
    assert [message_id for message_id, _ in sent] == [8, 4]
    assert "merge=patch needs method to be" in sent[0][1]


@pytest.mark.parametrize("report", ["missing/report", "folder", "pipe", "/dev/full"])
def test_a_report_that_cannot_be_written_costs_nothing_but_itself(use, tmp_path, report, caplog):
    use(FindsGiven((0, 2, 3)))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    sent, (detection,) = detected(scan(), report=tmp_path / report)
    assert [message_id for message_id, _ in sent] == [1026, 1023, 4]
    assert len(detection.points) == 1
    assert detection.warning.startswith("spark_detection.report: cannot write ")
    caplog.clear()
    sent, _ = detected(scan(), report=tmp_path / report, on_failure="fail")
    assert sent[0][0] == 8
    # Folders may be called after patients.
    assert str(tmp_path) not in sent[0][1] + caplog.text
