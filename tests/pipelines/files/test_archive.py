"""Scans are kept as they came in: whole messages wherever the file is cut, for the owner only, within bounds."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from helpers.builders import configuration, stream
from helpers.paths import ROOT
from helpers.raw_scans import (
    HEADER,
    chain_xml,
    converse,
    make_raw_file,
    raw_acquisition,
    raw_waveform,
    scan_bytes,
    scan_items,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import pipelines.files.archive
from gadgets.errors import RawDataError
from gadgets.logbook import Logbook
from pipelines.files import Archive, RawFile
from pipelines.files.stored_stream import StoredStream
from pipelines.host import Host
from pipelines.messages import CLOSE, MessageID, data_message, text_message
from pipelines.replay import Replay
from pipelines.worker import Worker, check_nodes

ITEMS = [*scan_items(n_lines=6), raw_waveform(scan_counter=9)]
DROP_IN = chain_xml(
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/><configuration>'
    '<property name="spark_detection.method" value="none"/></configuration></external>',
    writes=("AcquisitionWriter", "WaveformWriter"),
)


def as_messages(items):
    kinds = [MessageID.ACQUISITION if hasattr(item, "trajectory") else MessageID.WAVEFORM for item in items]
    return [bytes(data_message(kind, item.to_bytes()).data) for kind, item in zip(kinds, items, strict=True)]


WHOLE = bytes(text_message(MessageID.HEADER, HEADER).data) + b"".join(as_messages(ITEMS)) + bytes(CLOSE.data)


def test_a_host_keeps_what_a_client_sends_and_it_can_be_replayed(tmp_path):
    archive = Archive(tmp_path / "scans")
    archive.check()
    with Host(archive=archive) as host:
        converse(host.address, scan_bytes(DROP_IN, ITEMS))
        converse(host.address, scan_bytes(DROP_IN, ITEMS[:3], close=b"\1"), half_close=True)
    first, second = sorted(archive.folder.iterdir(), key=lambda path: -path.stat().st_size)
    assert first.read_bytes() == WHOLE
    assert second.read_bytes() == WHOLE[: second.stat().st_size]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert stat.S_IMODE(archive.folder.stat().st_mode) == 0o700
    with RawFile(second) as raw:
        assert [item.to_bytes() for item in raw] == [item.to_bytes() for item in ITEMS[:3]]
    output = tmp_path / "scan.h5"
    Replay(first, output, "repair_raw", settings=("spark_detection.method=none",)).run()
    with RawFile(output) as raw:
        assert raw.header_xml == HEADER
        assert [item.to_bytes() for item in raw] == [item.to_bytes() for item in ITEMS]


CONFIGURED = configuration(**{"spark_detection.method": "none"})
TO_A_WORKER = stream([], HEADER, CONFIGURED, close=b"") + b"".join(as_messages(ITEMS)) + bytes(CLOSE.data)


@pytest.mark.parametrize("is_host", [True, False])
def test_a_scan_has_one_name_in_archive_and_logbook(tmp_path, monkeypatch, is_host):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    archive = Archive(tmp_path / "scans")
    archive.check()
    if is_host:
        with Host(archive=archive) as host:
            converse(host.address, scan_bytes(DROP_IN, ITEMS))
    else:
        with Worker({"raw_repair": 0}, archive=archive) as worker:
            converse(worker.addresses["raw_repair"], TO_A_WORKER)
    (entry,) = Logbook(tmp_path / "scans.db").entries()
    (kept,) = archive.folder.iterdir()
    assert entry.scan == kept.stem
    assert entry.client.startswith("127.0.0.1:")
    assert entry.began <= entry.ended


def test_a_worker_keeps_what_its_first_nodes_get(tmp_path):
    archive = Archive(tmp_path)
    with Worker({"raw_repair": 0, "image_fft": 0}, archive=archive) as worker:
        assert len(converse(worker.addresses["raw_repair"], TO_A_WORKER)) == len(ITEMS) + 1
        converse(worker.addresses["image_fft"], stream([], HEADER, configuration()))
        # Neither does a monitor, which sees whether the worker is well, leave a file.
        check_nodes(worker.addresses)
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == WHOLE


@pytest.mark.parametrize("more", [WHOLE, b"\0"])
def test_a_second_scan_in_one_file_is_not_left_out_without_a_word(tmp_path, more):
    path = tmp_path / "two.mrd"
    path.write_bytes(WHOLE + more)
    with pytest.raises(RawDataError, match="expected one scan, found more behind the CLOSE of the stream"):
        RawFile(path)


def test_cut_anywhere_it_gives_all_whole_messages(tmp_path):
    starts = np.cumsum([len(WHOLE) - len(b"".join(as_messages(ITEMS))) - 2, *map(len, as_messages(ITEMS))])
    path = tmp_path / "cut.mrd"
    # Around every border between two messages, and at some places between.
    places = {int(start) + step for start in starts for step in (-1, 0, 1, 3, 100)}
    for length in sorted(place for place in places if place < len(WHOLE)):
        path.write_bytes(WHOLE[:length])
        n_whole = int(np.searchsorted(starts, length, side="right")) - 1
        if n_whole < 1:
            with pytest.raises(RawDataError, match=r"cut.mrd: (expected a stream|the stream holds no acquisitions)"):
                StoredStream(path)
            continue
        with StoredStream(path) as scan:
            assert [item.to_bytes() for item in scan] == [item.to_bytes() for item in ITEMS[:n_whole]], length
            assert scan.n_acquisitions + scan.n_waveforms == n_whole


def test_a_stored_stream_says_of_itself_what_a_raw_file_does(tmp_path):
    stored, raw_path = tmp_path / "a.mrd", make_raw_file(tmp_path / "a.h5", ITEMS)
    stored.write_bytes(WHOLE)
    with RawFile(stored) as one, RawFile(raw_path) as other:
        assert (one.n_acquisitions, one.n_waveforms) == (other.n_acquisitions, other.n_waveforms)
        assert b"".join(rows.tobytes() for rows in one.headers(2)) == b"".join(
            rows.tobytes() for rows in other.headers()
        )
        assert [item.to_bytes() for item in one.waveforms()] == [item.to_bytes() for item in other.waveforms()]


def test_a_stream_of_many_small_messages_may_take_its_time(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("pipelines.files.stored_stream.go_on", lambda: said.append(1))
    monkeypatch.setattr("pipelines.files.stored_stream.OFTEN", 2)
    (tmp_path / "a.mrd").write_bytes(WHOLE)
    with StoredStream(tmp_path / "a.mrd"):
        assert len(said) >= len(ITEMS) // 2


def test_a_stream_of_other_things_is_refused(tmp_path):
    path = tmp_path / "a.mrd"
    path.write_bytes(WHOLE[:-2] + bytes(text_message(MessageID.TEXT, "a").data))
    with pytest.raises(RawDataError, match="expected acquisitions and waveforms in a stream, found TEXT"):
        RawFile(path)
    path.write_bytes(WHOLE[:-2] + b"\x67\x12")
    with pytest.raises(RawDataError, match=r"damaged \(a.mrd: unknown message id"):
        RawFile(path)


def test_the_oldest_scans_go_first_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines.files.archive, "_GB", 1000)
    archive = Archive(tmp_path, most_gb=4, most_days=1)
    (tmp_path / "keep.mrd").write_bytes(bytes(9000))
    for number in range(3):
        path = tmp_path / f"scan-{number}.mrd"
        path.write_bytes(bytes(1500))
        os.utime(path, (1e9 if number == 1 else 2e9 + number,) * 2)
    with archive.begin(b"x" * 100) as scan:
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"keep.mrd", "scan-0.mrd", "scan-2.mrd", scan.path.name}
        scan.add(bytes(2000))
        archive.make_room(scan.path)
        assert {path.name for path in tmp_path.iterdir()} == {"keep.mrd", "scan-2.mrd", scan.path.name}


def test_what_cannot_be_removed_costs_no_scan(tmp_path, caplog):
    folder = tmp_path / "scan-0.mrd"
    folder.mkdir()
    os.utime(folder, (1e9, 1e9))
    with Archive(tmp_path).begin(b"header") as scan:
        scan.add(b"abc" * 200)
    assert scan.path.read_bytes().endswith(b"header" + b"abc" * 200)
    assert "scan-0.mrd cannot be removed" in caplog.text


def test_a_scan_that_is_larger_than_the_archive_is_given_up(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pipelines.files.archive, "_GB", 1000)
    monkeypatch.setattr(pipelines.files.archive, "_STEP_BYTES", 100)
    with Archive(tmp_path, most_gb=1).begin(b"") as scan:
        for _ in range(100):
            scan.add(bytes(150))
    assert scan.path.stat().st_size < 1500
    assert "is not written any further (the archive is full, 1 GB)" in caplog.text


def test_a_disk_that_is_full_costs_the_file_and_not_the_scan(tmp_path, monkeypatch, caplog):
    scan = Archive(tmp_path).begin(b"")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    scan.add(b"abc")
    scan.add(b"abc")
    assert caplog.text.count("is not written any further (No space left on device); the scan goes on") == 1


def test_a_folder_that_cannot_be_written_is_refused_before_the_server_starts(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RawDataError, match="no scans can be archived there"):
        Archive(tmp_path / "file").check()
    command = [sys.executable, "-m", "pipelines.commands.command_line", "serve", "--port", "0", "--archive"]
    shown = subprocess.run([*command, str(tmp_path / "file")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 1
    assert "no scans can be archived there (File exists)" in shown.stderr


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(WHOLE)))
def test_any_change_of_a_stream_is_read_or_refused_in_one_line(tmp_path_factory, changes, length):
    path, content = tmp_path_factory.mktemp("changed") / "a.mrd", bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    path.write_bytes(content[:length])
    said = "read"
    try:
        with StoredStream(path) as scan:
            assert all(item.to_bytes() for item in scan)
    except RawDataError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=6))
def test_acquisitions_of_any_size_survive_a_stream_and_a_raw_file(tmp_path_factory, shapes):
    folder = tmp_path_factory.mktemp("any")
    items = [
        raw_acquisition(number, n_samples=samples, n_coils=coils, n_trajectory=axes)
        for number, (samples, coils, axes) in enumerate(shapes)
    ]
    stored, raw_path = folder / "a.mrd", make_raw_file(folder / "a.h5", items)
    opening = bytes(text_message(MessageID.HEADER, HEADER).data)
    stored.write_bytes(opening + b"".join(as_messages(items)) + bytes(CLOSE.data))
    for path in (stored, raw_path):
        with RawFile(path) as raw:
            assert [item.to_bytes() for item in raw] == [item.to_bytes() for item in items]


def held(scan):
    return 0 if scan._descriptor is None else os.fstat(scan._descriptor).st_size


def test_scans_that_come_in_at_once_keep_the_bound_together(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pipelines.files.archive, "_GB", 1000)
    archive = Archive(tmp_path, most_gb=16)
    with archive.begin(b"") as first, archive.begin(b"") as second:
        for _ in range(100):
            first.add(bytes(900))
            second.add(bytes(900))
            # Of the files themselves: one that has lost its name fills the disk all the same.
            assert held(first) + held(second) < 20_000
    assert "the archive is full" in caplog.text


def test_a_scan_that_another_server_keeps_at_this_moment_is_left(tmp_path):
    with Archive(tmp_path).begin(b"") as scan:
        scan.add(bytes(900))
        os.utime(scan.path, (1e9, 1e9))
        code = f"from pathlib import Path; from pipelines.files import Archive; p = Path({str(tmp_path)!r}); "
        look = [sys.executable, "-c", code + "Archive(p).make_room(p / 'x')"]
        subprocess.run(look, cwd=ROOT, check=True)
        assert scan.path.exists()
    subprocess.run(look, cwd=ROOT, check=True)
    assert not scan.path.exists()


def test_a_file_that_is_removed_before_it_is_locked_is_not_written(tmp_path, monkeypatch, caplog):
    archive = Archive(tmp_path)

    def removed(descriptor, _kind):
        for path in tmp_path.iterdir():
            path.unlink()
        return descriptor

    monkeypatch.setattr(pipelines.files.archive, "_locks", removed)
    with archive.begin(b"") as scan:
        scan.add(bytes(900))
        assert held(scan) == 0
    assert "is not written any further (the archive is full)" in caplog.text


def test_small_files_are_bounded_by_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr(pipelines.files.archive, "MOST_FILES", 3)
    archive = Archive(tmp_path)
    for number in range(5):
        (tmp_path / f"scan-{number}.mrd").write_bytes(b"")
        os.utime(tmp_path / f"scan-{number}.mrd", (2e9 + number,) * 2)
    archive.make_room(tmp_path / "scan-4.mrd")
    assert {path.stem for path in tmp_path.iterdir()} == {"scan-2", "scan-3", "scan-4"}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_lies_there_under_a_name_of_a_scan_is_not_waited_for(tmp_path, make):
    make(tmp_path / "scan-0.mrd")
    Archive(tmp_path, most_days=-1e5).make_room(tmp_path / "x")
    Archive(tmp_path).check()
