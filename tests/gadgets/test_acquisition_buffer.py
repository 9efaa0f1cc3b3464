"""The node AcquisitionBuffer on a connection."""

import json
import socket
import subprocess
import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from helpers.builders import acquisition, configuration, encoding, header_xml, stream, waveform
from helpers.connections import parse, run_on_connection
from helpers.paths import ROOT

import gadgets.acquisition_buffer
import gadgets.kspace.assembly.missing_readouts
from gadgets.acquisition_buffer import acquisition_buffer, buffer_acquisitions
from gadgets.indices import Indices
from gadgets.kspace.readout import (
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_IS_PARALLEL_CALIBRATION,
    ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING,
    ACQ_LAST_IN_SLICE,
)
from gadgets.logbook import Report
from gadgets.settings import AcquisitionBufferSettings
from gadgets.wire import cells_of, recon_data_of

HEADER = header_xml([encoding()])


def sent_by(items, header=HEADER, **properties):
    return parse(
        run_on_connection(acquisition_buffer, stream(items, header, configuration(**properties)), hang_up=False)
    )


def test_a_kspace_goes_out_as_soon_as_it_is_complete_and_the_rest_in_order():
    noise = acquisition(0, flags=ACQ_IS_NOISE_MEASUREMENT, n_coils=5)
    before = [acquisition(line) for line in range(8)]
    after = [acquisition(line, repetition=1) for line in range(8)]
    messages = sent_by([noise, *before[:4], waveform(7), *before[4:], waveform(8), *after])
    assert [message_id for message_id, _ in messages] == [1008, 1026, 1023, 1026, 1023, 4]
    assert [item.waveform_id for message_id, item in messages if message_id == 1026] == [7, 8]
    (cell,) = cells_of(messages[2][1], [])
    np.testing.assert_array_equal(cell.kspace.data[:, 0], np.stack([item.data for item in before], axis=1))


def test_a_kspace_that_has_gone_out_is_not_held_while_the_next_one_comes(monkeypatch):
    assembled = []

    def noted(acquired, of_encoding):
        assembled.append(weakref.ref(acquired))
        return recon_data_of(acquired, of_encoding)

    monkeypatch.setattr(gadgets.acquisition_buffer, "recon_data_of", noted)
    items = [*(acquisition(line) for line in range(8)), waveform(7)]
    report = Report(None, "acquisition_buffer")
    outgoing = buffer_acquisitions(items, (encoding(),), AcquisitionBufferSettings(), report)
    next(outgoing)
    next(outgoing)
    (reference,) = assembled
    assert reference() is None


def test_calibration_lines_that_are_also_imaging_belong_to_the_image():
    flags = {3: ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING, 5: ACQ_IS_PARALLEL_CALIBRATION}
    flags |= {7: ACQ_LAST_IN_SLICE}
    messages = sent_by([acquisition(line, flags=flags.get(line, 0)) for line in range(8)])
    assert [message_id for message_id, _ in messages] == [1008, 1023, 4]
    (cell,) = cells_of(messages[1][1], [])
    assert cell.kspace.acquired_lines[0].tolist() == [line != 5 for line in range(8)]


def test_what_is_incomplete_at_the_end_goes_out_with_a_warning_and_a_count(tmp_path, caplog):
    path = tmp_path / "report.json"
    messages = sent_by([acquisition(line) for line in range(5)], report=path)
    # The image of this k-space is to say so, too.
    assert [message_id for message_id, _ in messages] == [1026, 1023, 4]
    assert messages[0][1].waveform_id == 1102
    assert "acquisition_buffer: incomplete k-space (first k-space): 3 of 8 expected readouts are missing" in caplog.text
    (line,) = path.read_text().splitlines()
    record = json.loads(line)
    assert (record["node"], record["readouts"], record["missing"]) == ("acquisition_buffer", 5, 3)


def test_slices_that_the_header_announces_and_never_came_are_warned_of(caplog):
    announced = replace(encoding(), last=Indices(slice=7, repetition=1))
    items = [acquisition(line, slice=number) for number in range(5) for line in range(8)]
    sent_by(items, header_xml([announced]))
    assert "acquisition_buffer: slice 5 to 7 of encoding 0, which the header announces, never came" in caplog.text
    assert "repetition" not in " ".join(record.message for record in caplog.records if record.levelname == "WARNING")


@pytest.mark.parametrize(
    "config", [b'<?xml version="1.0"?>\n', b'<?xml version="1.0"?>\n<configuration part="true" />\n']
)
def test_inside_distributed_nothing_is_said_of_what_other_machines_have(config, caplog):
    announced = replace(encoding(), last=Indices(slice=7, repetition=3))
    items = [acquisition(line, repetition=1, slice=number) for number in (0, 2) for line in range(8)]
    items += [acquisition(line, repetition=3) for line in range(8)]
    with caplog.at_level("INFO"):
        incoming = stream(items, header_xml([announced]), config)
        messages = parse(run_on_connection(acquisition_buffer, incoming, hang_up=False))
    assert [number for number, _ in messages] == [1023, 1023, 1023, 4]
    assert "never" not in caplog.text


def test_data_that_make_no_kspace_are_an_error():
    messages = sent_by([acquisition(0)], header_xml([encoding(trajectory="spiral")]))
    assert messages[-2][0] == 8
    assert "expected a cartesian or EPI trajectory" in messages[-2][1]


@pytest.mark.parametrize(
    ("odd", "complaint"),
    [
        (
            acquisition(3, n_coils=1, n_samples=16),
            "found 1 (first k-space, 1 receivers; see",
        ),
        (acquisition(3, encoding=1), "expected an encoding below 1"),
        (acquisition(300), "expected line and partition below"),
        (acquisition(3, center_sample=65535), "expected a center_sample of at most 16"),
        (acquisition(3, discard_pre=9, discard_post=9), "expected discard_pre and discard_post of together at most 16"),
        (
            acquisition(3, discard_pre=9, discard_post=7),
            "expected samples that are to be used, found 16 of 2 receivers",
        ),
        (acquisition(3, n_samples=0), "expected samples that are to be used, found 0 of 2 receivers, 0 of them"),
        (acquisition(3, n_coils=0), "expected samples that are to be used, found 16 of 0 receivers"),
    ],
)
def test_one_readout_that_fits_nowhere_costs_the_scan_nothing(odd, complaint, caplog):
    lines = [acquisition(line) for line in range(8)]
    alone = [message[1] for message in sent_by(lines) if message[0] == 1023]
    for items in ([*lines, odd], [*lines[:4], odd, *lines[4:]]):
        messages = sent_by(items)
        assert [message[0] for message in messages if message[0] in (8, 1008, 1023)].count(8) == 0
        assert sum(message[0] == 1008 for message in messages) == 1
        assert sum(message[0] == 1023 for message in messages) == len(alone) == 1
    assert complaint in caplog.text
    assert "1 readouts belong to no k-space and were passed on" in caplog.text


@pytest.mark.parametrize("where", ["before", "after", "in a slice of its own"])
def test_stray_readouts_make_no_kspace_and_are_passed_on(where, caplog):
    lines = [acquisition(line, n_samples=32, scan_counter=10 + line) for line in range(8)]
    stray = [acquisition(0, n_samples=32, seed=1, slice=int(where.startswith("in"))) for _ in range(3)]
    messages = sent_by([*stray, *lines] if where == "before" else [*lines, *stray])
    (cell,) = [cell for message in messages if message[0] == 1023 for cell in cells_of(message[1], [])]
    np.testing.assert_array_equal(cell.kspace.data[:, 0], np.stack([item.data for item in lines], axis=1))
    assert [bytes(item.header) for number, item in messages if number == 1008] == [item.header for item in stray]
    assert "3 readouts belong to no k-space and were passed on" in caplog.text


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (
            [acquisition(line) for line in range(300, 310)],
            "no k-space came of 10 readouts: expected line and",
        ),
        ([acquisition(line, n_samples=32) for line in range(3)], "no k-space came of 3 readouts: expected at least 4"),
        ([acquisition(line, encoding=1) for line in range(8)], "no k-space came of 8 readouts: expected an encoding"),
        ([acquisition(line, discard_pre=16) for line in range(8)], "no k-space came of 8 readouts: expected samples"),
    ],
)
def test_where_no_readout_fits_the_client_is_told_why_and_gets_them_all(items, reason):
    messages = sent_by(items)
    assert [number for number, _ in messages] == [1008] * len(items) + [8, 4]
    assert messages[-2][1].startswith(f"acquisition_buffer: {reason}")


def test_a_scan_without_imaging_readouts_ends_as_it_came():
    noise = [acquisition(line, flags=ACQ_IS_NOISE_MEASUREMENT) for line in range(4)]
    assert [number for number, _ in sent_by(noise)] == [1008] * 4 + [4]


def test_a_setting_says_how_many_readouts_make_a_kspace():
    items = [acquisition(line, slice=number) for number in range(2) for line in range(8 if number else 3)]
    assert [message[0] for message in sent_by(items)].count(1023) == 1
    assert [message[0] for message in sent_by(items, fewest_readouts=3)].count(1023) == 2
    assert [message[0] for message in sent_by(items, fewest_readouts=8)].count(1023) == 1


def test_sets_may_have_receivers_of_their_own():
    items = [acquisition(line, n_coils=2 + 6 * number, set=number) for line in range(8) for number in range(2)]
    messages = sent_by(items, header_xml([replace(encoding(), last=Indices(set=1))]))
    cells = [cell for message in messages if message[0] == 1023 for cell in cells_of(message[1], [])]
    assert sorted(cell.kspace.n_coils for cell in cells) == [2, 8]


def test_the_node_runs_as_gadgetron_starts_it():
    content = stream([acquisition(line) for line in range(8)], HEADER)
    with socket.create_server(("localhost", 0)) as server:
        server.settimeout(60)
        port = server.getsockname()[1]
        command = [sys.executable, "-m", "gadgetron", str(port), "gadgets.acquisition_buffer", "acquisition_buffer"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT)
        peer, _ = server.accept()
        with peer:
            peer.settimeout(60)
            peer.sendall(content)
            received = b"".join(iter(lambda: peer.recv(1 << 20), b""))
        printed, _ = process.communicate(timeout=60)
    assert [message_id for message_id, _ in parse(received)] == [1023, 4]
    assert (process.returncode, printed) == (0, b"")


def no_memory(*_):
    raise MemoryError


def test_readouts_for_whose_kspace_there_is_no_memory_go_on_alone(monkeypatch, caplog, tmp_path):
    lines = [acquisition(line, slice=number) for number in range(2) for line in range(8)]
    monkeypatch.setattr(gadgets.kspace.assembly.missing_readouts, "to_kspace", no_memory)
    messages = sent_by([*lines, waveform(1)], report=tmp_path / "r")
    assert [message_id for message_id, _ in messages] == [*[1026, *[1008] * 8] * 2, 1026, 4]
    assert "no k-space could be assembled (slice 1: MemoryError)" in caplog.text
    records = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    assert [record["warning"] for record in records] == ["not assembled: MemoryError"] * 2
    for n_lines in (16, 7):  # with the second, at the end of the scan
        failed = sent_by(lines[:n_lines], on_failure="fail")
        assert failed[-2] == (8, "acquisition_buffer: first k-space: MemoryError")


def test_kspaces_that_never_complete_are_held_up_to_a_limit(caplog):
    # 8 kB each, so that a megabyte holds some 120 of them.
    lines = [acquisition(0, slice=number, n_samples=512) for number in range(300)]
    messages = sent_by(lines, header_xml([encoding(n_samples=512)]), held_limit=1, fewest_readouts=1)
    assert sum(message_id == 1023 for message_id, _ in messages) == 300
    assert "first k-space goes on incomplete, 1 MB wait for k-spaces" in caplog.text
    taken = []

    def watched():
        for line in lines:
            taken.append(line)
            yield line

    settings = AcquisitionBufferSettings(held_limit=1, fewest_readouts=1)
    next(buffer_acquisitions(watched(), (encoding(n_samples=512),), settings, Report(None, "acquisition_buffer")))
    assert 100 < len(taken) < 150


def test_a_stream_that_breaks_off_gives_its_open_kspace_before_the_reason():
    incoming = stream([acquisition(line) for line in range(5)], HEADER, close=b"")
    messages = parse(run_on_connection(acquisition_buffer, incoming))
    assert [message_id for message_id, _ in messages] == [1026, 1023, 8, 4]
    assert "the stream ended without CLOSE" in messages[2][1]
