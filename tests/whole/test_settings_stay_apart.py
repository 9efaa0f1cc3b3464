"""Scans at once with settings and headers of their own: each gives what it gives alone, and is recorded as itself."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from helpers.raw_scans import HEADER, chain_xml, converse, scan_bytes, sparked_items

from pipelines.host import Host, ServerLimits
from pipelines.messages import MessageID, text_message
from pipelines.worker import Worker

ROUNDS = 3
SETTINGS = {
    "plain": {},
    "strict": {"spark_detection.threshold": "0.999", "spark_detection.point_threshold": "0.999"},
    "blind": {"spark_detection.method": "none"},
    "zero": {"calibration.method": "zero"},
    "look": {"calibration.method": "none"},
    "third": {"mark_user_int": "3"},
    "fifth": {"mark_user_int": "5"},
    "wrong": {"spark_detection.threshold": "7"},
}


def configuration(settings):
    properties = "".join(f'<property name="{name}" value="{value}"/>' for name, value in settings.items())
    return f"<configuration>{properties}</configuration>"


def raw_repair(settings):
    node = f'<execute name="gadgets.raw_repair" target="raw_repair" type="python"/>{configuration(settings)}'
    return chain_xml(f"<external>{node}</external>", writes=("AcquisitionWriter", "WaveformWriter"))


def header(protocol):
    told = f"<measurementInformation><patientPosition>HFS</patientPosition><protocolName>{protocol}</protocolName>"
    return HEADER.replace(b"<experimental", f"{told}</measurementInformation><experimental".encode(), 1)


@pytest.fixture
def scans(monkeypatch, tmp_path):
    """Address and bytes of each scan, through the host and through the worker."""
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    with Host(limits=ServerLimits(scans=2 * len(SETTINGS))) as host, Worker({"raw_repair": 0}) as worker:
        doors = (
            (host.address, raw_repair),
            (worker.addresses["raw_repair"], lambda own: text_message(MessageID.CONFIG, configuration(own))),
        )
        yield {
            (door, name): (address, scan_bytes(opening(settings), sparked_items(seed), header(name)))
            for door, (address, opening) in enumerate(doors)
            for seed, (name, settings) in enumerate(SETTINGS.items())
        }


def answer(scan):
    return [bytes(message.data) for message in converse(*scan)]


def test_settings_and_headers_of_scans_at_once_stay_apart(scans, tmp_path):
    alone = {name: answer(scan) for name, scan in scans.items()}
    # Each setting shows, so that one that went to another scan would, too.
    assert len({tuple(answers) for (door, _), answers in alone.items() if door == 0}) == len(SETTINGS)
    names = [name for _ in range(ROUNDS) for name in scans]
    with ThreadPoolExecutor(len(SETTINGS)) as clients:
        answers = list(clients.map(lambda name: answer(scans[name]), names))
    assert [name for name, got in zip(names, answers, strict=True) if got != alone[name]] == []
    with closing(sqlite3.connect(tmp_path / "scans.db")) as book:
        entries = [json.loads(text) for (text,) in book.execute("SELECT entry FROM scans")]
    judged = [name for name in SETTINGS if name != "wrong"]
    assert len(entries) == 2 * (ROUNDS + 1) * len(judged)
    assert all(entry["settings"] == SETTINGS[entry["protocol"]] for entry in entries)
