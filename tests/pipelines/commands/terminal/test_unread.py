"""A standard stream that nobody reads holds up neither the end of a command nor what a server does."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys

import pytest
from helpers.connections import LIMIT_S, wait_until

from pipelines.commands.terminal.unread import Unread

# Its patience with a log that nobody reads is five seconds otherwise.
CODE = """
from pipelines.commands.terminal import unread
unread.LOG_PATIENCE_S = 0.5
from pipelines.commands.program import main
main()
"""
PROGRAM = [sys.executable, "-c", CODE]


@pytest.fixture
def full_pipe():
    """Give both ends of a pipe that takes nothing more, and how much is in it."""
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    n_bytes = 0
    for piece in (b"x" * 4096, b"x"):
        try:
            while True:
                n_bytes += os.write(sink, piece)
        except BlockingIOError:
            pass
    os.set_blocking(sink, True)
    yield source, sink, n_bytes
    os.close(source)
    os.close(sink)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def is_open(port):
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ("stderr", ["worker", "--node", "raw_repair={}"]),
        ("stderr", ["serve", "--port", "{}"]),
        ("stdout", ["console", "--record", "scans.db", "--port", "{}"]),
    ],
)
def test_a_server_that_is_told_to_stop_ends_although_nobody_reads(tmp_path, full_pipe, stream, words):
    port = free_port()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: full_pipe[1]}
    with subprocess.Popen([*PROGRAM, *(word.format(port) for word in words)], cwd=tmp_path, **streams) as program:
        try:
            wait_until(lambda: is_open(port))
            program.send_signal(signal.SIGTERM)
            assert program.wait(LIMIT_S) == 0
        finally:
            program.kill()


def test_a_log_that_nobody_reads_is_waited_for_once_and_goes_on_when_somebody_does(full_pipe):
    source, sink, n_bytes = full_pipe
    raw = Unread(sink)
    raw.patience_s = 0
    log = io.TextIOWrapper(raw, line_buffering=True)
    for _ in range(1000):
        print("missed", file=log)
    while n_bytes:
        n_bytes -= len(os.read(source, n_bytes))
    print("read", file=log)
    assert os.read(source, 100) == b"read\n"


def test_all_is_written_where_there_is_room(full_pipe):
    source, sink, n_bytes = full_pipe
    os.read(source, n_bytes)
    content = os.urandom(20_000)
    Unread(sink).write(content)
    read = b""
    while len(read) < len(content):
        read += os.read(source, 1 << 16)
    assert read == content
