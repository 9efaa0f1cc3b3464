"""What a header says of a patient stands in no log, no error, no report and no image: tokens in every field tell."""

import json
import re
import subprocess
import sys

import h5py
import pytest
from helpers.builders import CLOSE, acquisition, configuration, encoding, stream
from helpers.connections import wait_until
from helpers.raw_scans import HEADER, converse, make_raw_file, scan_bytes, scan_items

from gadgets.findings import ScanFacts
from gadgets.raw_repair import open_stage
from gadgets.settings import RawRepairSettings
from pipelines.chains import packaged_chain
from pipelines.messages import MessageID

FIELDS = """<subjectInformation><patientName>TOKNAME^Smith</patientName>
<patientWeight_kg>{number}</patientWeight_kg><patientHeight_m>{number}</patientHeight_m>
<patientID>TOKID12345</patientID><patientBirthdate>{date}</patientBirthdate><patientGender>{word}</patientGender>
</subjectInformation><studyInformation><studyDate>{date}</studyDate><studyTime>{time}</studyTime>
<studyID>TOKSTUDY</studyID><accessionNumber>{whole}</accessionNumber>
<referringPhysicianName>TOKPHYS</referringPhysicianName><studyDescription>TOKDESC</studyDescription>
<studyInstanceUID>TOKUID</studyInstanceUID><bodyPartExamined>TOKBODY</bodyPartExamined></studyInformation>
<measurementInformation><measurementID>TOKMEAS</measurementID><seriesDate>{date}</seriesDate>
<seriesTime>{time}</seriesTime><patientPosition>{position}</patientPosition>
<relativeTablePosition><x>{number}</x><y>0</y><z>0</z></relativeTablePosition>
<initialSeriesNumber>{whole}</initialSeriesNumber></measurementInformation>"""
RIGHT = {"number": "70", "date": "1950-01-01", "time": "12:00:00", "word": "M", "whole": "77", "position": "HFS"}
WRONG = {name: f"TOKWRONG{name.upper()}" for name in RIGHT}
TOKEN = re.compile(r"TOK[A-Z]+")


def header(values=RIGHT, extra=b""):
    fields = FIELDS.format(**values).encode()
    filled = HEADER.replace(b"<experimentalConditions>", fields + b"<experimentalConditions>")
    return filled.replace(b"</ismrmrdHeader>", extra + b"</ismrmrdHeader>")


HEADERS = {
    "right": header(),
    "foreign formats": header(WRONG),
    "foreign element": header(extra=b"<TOKUNKNOWN>TOKVALUE</TOKUNKNOWN>"),
    "in place of a number": header().replace(b"<x>16</x>", b"<x>TOKMATRIX</x>"),
    "in place of a length": header().replace(b"<x>512.0</x>", b"<x>TOKLENGTH</x>"),
    "broken": header().replace(b"</patientName>", b"</TOKBROKEN>"),
    "root": b"<TOKROOT xmlns='urn:TOKSPACE'><patientName>TOKNAME</patientName></TOKROOT>",
    "document type": header().replace(
        b"<ismrmrdHeader", b"<!DOCTYPE TOKTYPE [<!ENTITY TOKE 'TOKVALUE'>]><ismrmrdHeader"
    ),
    "encoding": header().replace(b'<?xml version="1.0"', b'<?xml version="1.0" encoding="TOKENCODING"'),
    "attribute": header().replace(b"<patientName>", b'<patientName TOKATTRIBUTE="TOKVALUE">'),
}
SETTINGS = ["spark_detection.method=none"]


class Running:
    """A server in a process of its own, with its log."""

    def __init__(self, folder, *arguments):
        self._path = folder / "log"
        self._log = self._path.open("wb")
        command = [sys.executable, "-m", "pipelines.commands.command_line", *arguments, "-vv"]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def log(self):
        return self._path.read_text(errors="replace")

    def address(self):
        found = wait_until(lambda: re.findall(r"listen\w* on 127\.0\.0\.1:(\d+)", self.log()))
        return "127.0.0.1", int(found[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


def said_to(client):
    return [message.text for message in client if message.id in (MessageID.TEXT, MessageID.ERROR)]


def test_a_server_and_its_nodes_keep_names_to_themselves(tmp_path, monkeypatch):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    chains = [packaged_chain(name).with_settings(SETTINGS).xml for name in ("repair_raw", "spark_calibration")]
    with Running(tmp_path, "serve", "--port", "0") as server:
        for name, sent in HEADERS.items():
            answers = [converse(server.address(), scan_bytes(chain, header=sent)) for chain in chains]
            assert not TOKEN.findall(str([said_to(answer) for answer in answers])), name
            images = [bytes(message.data) for message in answers[1] if message.id is MessageID.IMAGE]
            assert not any(TOKEN.search(image.decode("latin-1")) for image in images), name
    assert TOKEN.findall(server.log()) == []
    recorded = (tmp_path / "scans.db").read_bytes().decode("latin-1")
    assert "raw_repair" in recorded
    assert TOKEN.findall(recorded) == []


def test_a_worker_keeps_names_to_itself(tmp_path):
    with Running(tmp_path, "worker", "--node", "image_fft=0") as server:
        for name, sent in HEADERS.items():
            answer = converse(server.address(), stream([], sent, configuration(), CLOSE))
            assert not TOKEN.findall(str(said_to(answer))), name
    assert TOKEN.findall(server.log()) == []


@pytest.mark.parametrize("name", ["foreign formats", "foreign element", "in place of a number"])
def test_commands_keep_names_to_themselves(tmp_path, name):
    folder = tmp_path / "TOKFOLDER"
    folder.mkdir()
    raw, report = make_raw_file(folder / "scan.h5", header=HEADERS[name]), tmp_path / "report.json"
    options = [option for setting in SETTINGS for option in ("--set", setting)]
    command = [sys.executable, "-m", "pipelines.commands.command_line"]
    replay = [*command, "replay", raw.name, "-o", str(tmp_path / "o.h5"), "--report", str(report), "-vv", *options]
    shown = subprocess.run(replay, capture_output=True, text=True, cwd=folder, check=False)
    assert TOKEN.findall(shown.stdout + shown.stderr) == []
    if name == "in place of a number":
        assert "expected a whole number as x, found no number" in shown.stderr
    else:
        assert TOKEN.findall(json.dumps(json.loads(report.read_text())["k_spaces"])) == []
    content = scan_bytes(b"", scan_items(), HEADERS[name])[6:]
    streamed = subprocess.run([*command, "stream", "-vv", *options], input=content, capture_output=True, check=False)
    assert TOKEN.findall(streamed.stderr.decode()) == []


def test_folders_and_files_have_no_names_in_records_and_no_folders_in_logs(tmp_path, caplog):
    folder, report = tmp_path / "TOKFOLDER", tmp_path / "report"
    settings = RawRepairSettings.model_validate(
        {
            "report": report,
            "spark_detection": {"history": folder / "TOKFILE", "thresholds_from": "history", "provider": "cpu"},
            "acquisition_buffer": {"report": folder / "TOKREPORT"},
            "calibration": {"method": "network", "models": folder / "TOKMODELS"},
        }
    )
    assert len(list(open_stage(settings, (encoding(),), ScanFacts())([acquisition(line) for line in range(8)]))) == 8
    assert TOKEN.findall(report.read_text()) == []
    assert "the history: expected a history, cannot read it" in report.read_text()
    assert set(TOKEN.findall(caplog.text)) == {"TOKFILE", "TOKREPORT"}


def test_what_is_written_carries_what_came(tmp_path):
    raw = make_raw_file(tmp_path / "scan.h5", header=HEADERS["foreign formats"])
    command = [sys.executable, "-m", "pipelines.commands.command_line", "replay", str(raw), "-q"]
    command += ["-o", str(tmp_path / "o.h5"), "--pipeline", "repair_raw", "--set", SETTINGS[0]]
    subprocess.run(command, check=True)
    with h5py.File(tmp_path / "o.h5") as file:
        assert file["dataset/xml"][0] == HEADERS["foreign formats"]
