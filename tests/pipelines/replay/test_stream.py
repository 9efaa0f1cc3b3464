"""A chain as a filter: what goes in comes out, framed, and a broken stream has no end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.connections import filter_through
from helpers.raw_scans import HEADER, LIMIT_S, raw_acquisition, raw_waveform, scan_bytes, scan_items

import gadgets.detection.opening
from gadgets.errors import ModelError, NodeError, PeerLostError, PipelineError, RawDataError, WireError
from pipelines.chains.packaged import packaged_chain
from pipelines.messages.messages import CLOSE, MessageID, data_message, text_message
from pipelines.replay.stream import MessageStream, open_models, run_stream

NO_DETECTION = ("spark_detection.method=none",)


def messages(items):
    kinds = [MessageID.ACQUISITION if hasattr(item, "trajectory") else MessageID.WAVEFORM for item in items]
    data = [data_message(kind, item.to_bytes()).data for kind, item in zip(kinds, items, strict=True)]
    return b"".join(bytes(message) for message in data)


OPENING = bytes(text_message(MessageID.HEADER, HEADER).data)


def filtered(content, pipeline="repair_raw", settings=NO_DETECTION, **pipes):
    """Run the filter; gives what it wrote and the error it ended with."""
    chain = packaged_chain(pipeline).with_settings(settings)
    detectors = open_models(chain)
    return filter_through(
        content, lambda source, sink: run_stream(MessageStream(source, sink), chain, detectors), **pipes
    )


def test_what_goes_in_comes_out_whole():
    items = [raw_waveform(scan_counter=3), *scan_items(n_lines=40, n_samples=500)]
    content = OPENING + messages(items) + bytes(CLOSE.data)
    assert filtered(content) == (content, None)


def test_pipes_whose_waiting_is_switched_off_are_waited_for():
    assert filtered(WHOLE, is_waiting=False) == (WHOLE, None)


def test_the_header_goes_out_as_it_came():
    wave = b"<waveformInformation><waveformName>a</waveformName><waveformType>ecg</waveformType></waveformInformation>"
    header = HEADER.replace(b"</ismrmrdHeader>", wave + b"</ismrmrdHeader>")
    content = bytes(text_message(MessageID.HEADER, header).data) + messages(scan_items()) + bytes(CLOSE.data)
    assert filtered(content) == (content, None)


def test_a_configuration_in_the_stream_is_not_used_and_not_written(caplog):
    content = scan_bytes(text_message(MessageID.CONFIG, "<configuration/>"))
    written, failure = filtered(content)
    assert failure is None
    assert content.endswith(written)
    assert written.startswith(OPENING)
    assert "the chain is the one on the command line" in caplog.text


def test_another_chain_makes_images():
    content = OPENING + messages(scan_items()) + bytes(CLOSE.data)
    written, failure = filtered(content, "spark_calibration")
    assert failure is None
    assert written.startswith(OPENING + MessageID.IMAGE.to_bytes(2, "little"))
    assert written.endswith(bytes(CLOSE.data))


def test_models_are_opened_once(monkeypatch):
    opened = []
    real = gadgets.detection.opening.Detector
    monkeypatch.setattr(
        gadgets.detection.opening, "Detector", lambda settings: opened.append(settings) or real(settings)
    )
    content = OPENING + messages(scan_items()) + bytes(CLOSE.data)
    assert filtered(content, settings=("spark_detection.provider=cpu",))[1] is None
    assert len(opened) == 1


def test_a_recorded_clients_stream_is_filtered(transcripts_folder):
    recorded = (transcripts_folder / "t02_config_local_plain.client_to_server.bin").read_bytes()
    header = recorded[6 + int.from_bytes(recorded[2:6], "little") :]
    assert filtered(recorded, settings=NO_DETECTION) == (header, None)


WHOLE = OPENING + messages(scan_items()) + bytes(CLOSE.data)
BROKEN = {
    "nothing": (b"", PeerLostError, "the input stream: connection ended after 0 messages"),
    "no header": (messages(scan_items()), WireError, "expected a HEADER before any data, found ACQUISITION"),
    "header cut": (OPENING[:40], PeerLostError, "in the middle of message 1"),
    "a header of another kind": (bytes(text_message(MessageID.HEADER, "<a/>").data), RawDataError, "another root"),
    "data cut": (WHOLE[:-100], PeerLostError, r"in the middle of message 10 \(ACQUISITION\)"),
    "no end": (WHOLE[:-2], PeerLostError, "without a CLOSE"),
    "something else": (OPENING + b"\x67\x12", WireError, "unknown message id 4711"),
    "data without a reader": (
        OPENING + bytes(text_message(MessageID.TEXT, "hello").data),
        WireError,
        "no reader for TEXT",
    ),
    "two scans": (WHOLE + WHOLE, WireError, "expected one scan, found more behind its CLOSE"),
}


@pytest.mark.parametrize(("content", "error", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stream_is_an_error_and_its_output_has_no_end(content, error, reason):
    written, failure = filtered(content)
    assert isinstance(failure, error)
    with pytest.raises(error, match=reason):
        raise failure
    assert not written.endswith(bytes(CLOSE.data))


def test_a_node_that_fails_is_named():
    opening = bytes(text_message(MessageID.HEADER, HEADER.replace(b"cartesian", b"spiral")).data)
    items = [raw_acquisition(line) for line in range(8)]
    written, failure = filtered(opening + messages(items) + bytes(CLOSE.data), "spark_calibration")
    assert isinstance(failure, NodeError)
    assert "node acquisition_buffer failed: " in str(failure)
    assert written == opening


def test_nobody_who_reads_is_noticed():
    chain = packaged_chain("repair_raw").with_settings(NO_DETECTION)
    (source, feed), (drain, sink) = os.pipe(), os.pipe()
    os.close(drain)
    os.write(feed, OPENING)
    with pytest.raises(PeerLostError, match="the output stream cannot be written"):
        run_stream(MessageStream(source, sink), chain, open_models(chain))
    for descriptor in (source, feed, sink):
        os.close(descriptor)


def test_a_chain_that_cannot_run_here_is_refused_before_a_byte_is_read():
    with pytest.raises(PipelineError, match="only a Gadgetron can run"):
        open_models(packaged_chain("repair_raw_default"))
    with pytest.raises(ModelError, match=r"no/manifest\.json"):
        open_models(packaged_chain("repair_raw").with_settings(["spark_detection.models=no"]))


PRINTS = """
import os, subprocess, sys
from pipelines.replay import data_only
with data_only() as data:
    sys.stdout.write("stray ")
    sys.stdout.flush()
    subprocess.run(["echo", "stray child"])
    os.write(data, b"data ")
sys.stdout.write("afterwards")
"""


def test_what_is_printed_goes_to_standard_error():
    ended = subprocess.run([sys.executable, "-c", PRINTS], capture_output=True, timeout=LIMIT_S, check=True)
    assert (ended.stdout, ended.stderr) == (b"data afterwards", b"stray stray child\n")
