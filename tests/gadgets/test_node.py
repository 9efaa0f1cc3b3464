"""What all nodes share: settings, failures that are seen, and an end that always comes."""

import json
import logging
import os
import socket
import struct
import subprocess
import sys
import time
import weakref
from functools import partial

import pytest
from helpers.builders import CLOSE, acquisition, configuration, encoding, head, header_xml, message, stream
from helpers.connections import parse, run_on_connection
from helpers.paths import ROOT

import gadgets.node
from gadgets.errors import RawDataError
from gadgets.indices import Indices
from gadgets.logbook import ScanName, this_scan
from gadgets.node import hear_name, run_node
from gadgets.records import Assembly, Detection
from gadgets.settings.definitions import ImageFFTSettings
from gadgets.wire import Acquisition, ReconData, waveforms_of

HEADER = header_xml([encoding()])
DATA = b"".join(message(acquisition(line)) for line in range(8))


def passing(*_about):
    return iter


def failing_after(n_items, error, *_about):
    def stage(items):
        for number, item in enumerate(items):
            if number == n_items:
                raise error
            yield item

    return stage


def node(open_stage):
    return partial(run_node, name="image_fft", model=ImageFFTSettings, open_stage=open_stage)


def test_a_node_that_changes_nothing_passes_all_bytes():
    content = DATA + CLOSE
    assert run_on_connection(node(passing), head(b"<configuration/>", HEADER) + content, hang_up=False) == content


THREADS = """
import scipy.linalg
from threadpoolctl import threadpool_info
from test_node import CLOSE, DATA, HEADER, head, node, run_on_connection

def stage(items):
    print([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"])
    return iter(items)

run_on_connection(node(lambda *_: stage), head(b"<configuration/>", HEADER) + DATA + CLOSE, hang_up=False)
"""


def test_a_node_uses_one_thread_for_linear_algebra_whoever_starts_it():
    # A Gadgetron sets none of the variables that say so.
    paths = os.pathsep.join(str(ROOT / "tests" / folder) for folder in ("", "gadgets"))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONPATH": paths}
    command = [sys.executable, "-W", "ignore", "-c", THREADS]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert set(json.loads(result.stdout)) == {1}


def test_what_was_sent_is_not_held_while_the_next_item_is_made():
    held = []

    def stage(items):
        sent = []
        for _ in items:
            held.extend(reference() is not None for reference in sent)
            item = ReconData(())
            sent = [weakref.ref(item)]
            yield item
            del item

    run_on_connection(node(lambda *_: stage), head(b"<configuration/>", HEADER) + DATA + CLOSE, hang_up=False)
    assert held == [False] * 7


def test_header_and_settings_reach_the_stage(tmp_path):
    seen = []

    def open_stage(settings, encodings, _facts):
        seen.append((settings, encodings))
        return iter

    config = configuration(report=tmp_path / "report.json")
    run_on_connection(node(open_stage), stream([], HEADER, config), hang_up=False)
    assert seen == [(ImageFFTSettings(report=tmp_path / "report.json"), (encoding(),))]


def test_an_unknown_property_is_an_error_that_the_client_sees():
    received = run_on_connection(node(passing), stream([], HEADER, configuration(sharpness=3)), hang_up=False)
    ((message_id, text), end) = parse(received)
    assert message_id == 8
    assert text.startswith("image_fft: unknown property 'sharpness'")
    assert end == (4, None)


@pytest.mark.parametrize(
    "error", [RawDataError("a bad line"), ValueError("a bad line"), RawDataError("image_fft: a bad line")]
)
def test_a_failure_drains_the_input_then_tells_why_then_closes(error, caplog):
    large = b"".join(message(acquisition(line % 8, n_samples=4096, n_coils=8)) for line in range(64))
    incoming = head(b"<configuration/>", HEADER) + large + CLOSE
    received = run_on_connection(node(partial(failing_after, 2, error)), incoming, hang_up=False)
    messages = parse(received)
    assert [message_id for message_id, _ in messages] == [1008, 1008, 8, 4]
    assert messages[2][1] == "image_fft: a bad line"
    (record,) = [record for record in caplog.records if record.name == "gadgets.node"]
    # What despark says on purpose needs no traceback.
    assert bool(record.exc_info) is isinstance(error, ValueError)


def test_a_failure_without_text_is_named_by_its_kind():
    received = run_on_connection(node(partial(failing_after, 0, MemoryError())), stream([acquisition()], HEADER))
    assert parse(received)[0] == (8, "image_fft: MemoryError")


@pytest.mark.parametrize("length", [0, 1, 2, 300, len(DATA) // 2, len(DATA)])
def test_a_stream_that_is_cut_off_ends_with_its_reason(length):
    received = run_on_connection(node(passing), head(b"<configuration/>", HEADER) + DATA[:length], hang_up=True)
    messages = parse(received)
    assert messages[-2][0] == 8
    assert "the stream ended without CLOSE" in messages[-2][1]
    assert messages[-1] == (4, None)


def test_input_that_cannot_be_parsed_ends_with_its_reason_though_the_connection_stays_open(monkeypatch):
    monkeypatch.setattr(gadgets.node, "QUIET_S", 0.5)
    damaged = DATA + struct.pack("<H", 55344) + bytes(1 << 22) + CLOSE
    start = time.monotonic()
    received = run_on_connection(node(passing), head(b"<configuration/>", HEADER) + damaged, hang_up=False)
    assert time.monotonic() - start < 10
    messages = parse(received)
    assert messages[-2] == (8, "image_fft: expected a message of scan data or CLOSE, found message id 55344")
    assert messages[-1] == (4, None)


def test_input_that_stops_being_parsable_after_a_failure_still_ends(monkeypatch, caplog):
    monkeypatch.setattr(gadgets.node, "QUIET_S", 0.2)
    damaged = DATA + struct.pack("<H", 55344) + bytes(1000)
    failing = node(partial(failing_after, 0, ValueError("first")))
    received = run_on_connection(failing, head(b"<configuration/>", HEADER) + damaged, hang_up=False)
    assert parse(received)[0] == (8, "image_fft: first")
    assert "cannot be parsed either" in caplog.text


def test_a_peer_that_is_gone_when_the_reason_is_sent_is_logged(caplog):
    ours, theirs = socket.socketpair()
    connection = type("Connection", (), {})()
    connection.socket = type("Wrapper", (), {"socket": theirs})()
    connection.raw_bytes = type("Raw", (), {"config": configuration(unknown=1)})()
    connection.__class__.__iter__ = lambda _: iter(())
    ours.close()
    with caplog.at_level(logging.WARNING):
        run_node(connection, "image_fft", ImageFFTSettings, passing)
    assert "the reason could not be sent" in caplog.text
    theirs.close()


def listening(seen):
    """A node behind others, which notes the name of its scan at every acquisition."""

    def stage(items):
        for item in items:
            if isinstance(item, Acquisition):
                seen.append(this_scan())
            yield item

    return partial(run_node, name="image_fft", model=ImageFFTSettings, open_stage=lambda *_: stage, named=hear_name)


def told(kind, scan):
    return b"".join(
        map(message, waveforms_of(kind(indices=Indices(), scan=scan, client="10.0.0.3:4242", **MORE[kind])))
    )


MORE = {Assembly: {"readouts": 8}, Detection: {}}


@pytest.mark.parametrize("kind", [Assembly, Detection])
def test_a_node_takes_over_the_name_of_the_scan_from_the_one_ahead(kind):
    """Of the first record that tells it: a later one changes nothing."""
    seen = []
    content = told(kind, "") + told(kind, "scan-7") + DATA + told(kind, "scan-8") + DATA + CLOSE
    assert run_on_connection(listening(seen), head(b"<configuration/>", HEADER) + content, hang_up=False) == content
    assert set(seen) == {ScanName("scan-7", "10.0.0.3:4242")}


@pytest.mark.parametrize("ahead", [b"", told(Assembly, "../../etc/passwd"), told(Assembly, "")], ids=range(3))
def test_a_node_that_is_told_no_name_of_ours_has_its_own(ahead):
    seen = []
    run_on_connection(listening(seen), head(b"<configuration/>", HEADER) + ahead + DATA + CLOSE, hang_up=False)
    (own,) = set(seen)
    assert ScanName.told(*own) == own


def test_a_damaged_record_is_for_others_to_complain_of():
    damaged = told(Assembly, "scan-7").replace(b"readouts", b"readings")
    content = damaged + DATA + CLOSE
    assert run_on_connection(listening([]), head(b"<configuration/>", HEADER) + content, hang_up=False) == content
