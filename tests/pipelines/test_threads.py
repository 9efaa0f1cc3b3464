"""A thread that the system refuses is told of in one line, and costs no other scan."""

from __future__ import annotations

import contextlib
import gc
import threading

import pytest
from helpers.raw_scans import chain_xml, converse, make_raw_file, scan_bytes, scan_items

from pipelines.commands.command_line import main
from pipelines.host import Host
from pipelines.messages import MessageID

NOTHING_SOUGHT = '<configuration><property name="spark_detection.method" value="none"/></configuration>'
DROP_IN = chain_xml(
    f'<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>{NOTHING_SOUGHT}</external>'
)


@contextlib.contextmanager
def refused(monkeypatch, name):
    """Let the system refuse each thread of a name."""
    start = threading.Thread.start

    def start_or_fail(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start_or_fail)
        yield


@pytest.mark.parametrize(
    ("name", "n_returned"), [("client", 0), ("raw_repair", 0), ("log of raw_repair", len(scan_items()))]
)
def test_a_scan_without_one_is_told_so_and_the_next_is_whole(monkeypatch, caplog, name, n_returned):
    with Host() as host:
        with refused(monkeypatch, name):
            *returned, told, closed = converse(host.address, scan_bytes(DROP_IN))
        assert len([message for message in returned if message.id is MessageID.ACQUISITION]) == n_returned
        assert "no thread can be started (can't start new thread)" in told.text
        assert (told.id, closed.id) == (MessageID.TEXT, MessageID.CLOSE)
        assert not [record for record in caplog.records if record.exc_info]
        assert len(converse(host.address, scan_bytes(DROP_IN))) == len(scan_items()) + 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("reception", ["serve", "--port", "0"]),
        ("monitoring", ["serve", "--port", "0", "--monitor-port", "0"]),
        ("memory", ["worker", "--node", "image_fft=0"]),
        ("sender", ["replay", "raw.h5", "-o", "out.h5", "--set", "spark_detection.method=none"]),
    ],
)
def test_a_command_without_one_ends_with_the_reason(monkeypatch, tmp_path, capfd, name, arguments):
    monkeypatch.chdir(tmp_path)
    make_raw_file(tmp_path / "raw.h5")
    with refused(monkeypatch, name), pytest.raises(SystemExit) as ended:
        main([*arguments, "-q"])
    assert ended.value.code == 1
    assert capfd.readouterr().err.splitlines()[-1] == "despark: no thread can be started (can't start new thread)"
    assert [path.name for path in tmp_path.iterdir()] == ["raw.h5"]
    # What was left open would be told of in some test that comes later.
    del ended
    gc.collect()
