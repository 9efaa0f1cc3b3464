"""Scans are kept as they came in: whole messages wherever the file is cut, for the owner only, within bounds."""

import os
import stat
import subprocess
import sys

import pytest
from helpers.builders import configuration, stream
from helpers.paths import ROOT
from helpers.raw_scans import (
    HEADER,
    chain_xml,
    converse,
    scan_bytes,
)
from helpers.scans.stored_streams import ITEMS, WHOLE, as_messages

import pipelines.files.archive
from gadgets.errors import RawDataError
from gadgets.logbook import Logbook
from pipelines.files import Archive, RawFile
from pipelines.host import Host
from pipelines.messages import CLOSE
from pipelines.replay import Replay
from pipelines.worker import Worker, check_nodes

DROP_IN = chain_xml(
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/><configuration>'
    '<property name="spark_detection.method" value="none"/></configuration></external>',
    writes=("AcquisitionWriter", "WaveformWriter"),
)


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

    monkeypatch.setattr(pipelines.files.archive, "locks", removed)
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
