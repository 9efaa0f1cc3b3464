"""``despark stream`` between two pipes: data on standard output and nothing else."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest
from helpers.raw_scans import HEADER, LIMIT_S, scan_items

from gadgets.errors import PipelineError
from pipelines.chains.packaged import packaged_chain
from pipelines.messages.messages import CLOSE, MessageID, data_message, text_message
from pipelines.replay.mrd2_stream import open_mrd2

DATA = b"".join(bytes(data_message(MessageID.ACQUISITION, item.to_bytes()).data) for item in scan_items())
WHOLE = bytes(text_message(MessageID.HEADER, HEADER).data) + DATA + bytes(CLOSE.data)
COMMAND = [
    sys.executable,
    "-m",
    "pipelines.commands.command_line",
    "stream",
    "-q",
    "--set",
    "spark_detection.method=none",
]


def run(content, *arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments], input=content, capture_output=True, timeout=LIMIT_S, check=False, **options
    )


def test_filters_follow_one_another():
    ended = run(WHOLE)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, WHOLE, b"")
    assert run(ended.stdout, "--pipeline", "repair_raw").stdout == WHOLE


def test_a_broken_stream_is_one_line_and_an_exit_code():
    ended = run(WHOLE[:-1])
    assert ended.returncode == 1
    assert ended.stdout == WHOLE[: len(ended.stdout)]
    assert ended.stderr.startswith(b"despark: the input stream: connection ended")
    assert ended.stderr.count(b"\n") == 1


def test_a_fault_in_the_set_up_leaves_the_output_empty():
    ended = run(WHOLE, "--set", "calibration.a=1")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"unknown property 'calibration.a'" in ended.stderr


def test_a_stream_of_version_2_is_filtered():
    pytest.importorskip("mrd", reason="needs the package mrd-python")
    from helpers.mrd2_scans import from_bytes, scan, to_bytes

    whole = to_bytes(scan())
    ended = run(whole, "--format", "mrd2")
    assert (ended.returncode, from_bytes(ended.stdout)) == (0, from_bytes(whole)), ended.stderr


def test_version_2_without_its_package_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "mrd", None)
    with pytest.raises(PipelineError, match=r'pip install "despark\[mrd2\]"'):
        open_mrd2(0, 1, packaged_chain("repair_raw"))


def test_a_terminal_is_no_stream():
    ours, theirs = pty.openpty()
    ended = subprocess.run(COMMAND, stdin=theirs, capture_output=True, timeout=LIMIT_S, check=False)
    assert ended.returncode == 1
    assert b"expected an MRD stream on standard input, found a terminal" in ended.stderr
    os.close(ours)
    os.close(theirs)


def test_ctrl_c_is_one_line_and_an_exit_code():
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(COMMAND, **pipes) as program:
        program.stdin.write(WHOLE[:-2])
        program.stdin.flush()
        # It is in the middle of the scan.
        assert program.stdout.read(1)
        program.send_signal(signal.SIGINT)
        said = program.stderr.read()
    assert (program.returncode, said) == (130, b"despark: interrupted\n")
