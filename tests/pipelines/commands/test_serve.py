"""``despark serve`` as a service runs it: told to stop it ends well, and monitors are answered until then."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from helpers.connections import wait_until
from helpers.raw_scans import LIMIT_S, scan_bytes

from pipelines.messages.messages import MessageID, filename_message, text_message

COMMAND = [sys.executable, "-m", "pipelines.commands.command_line"]
SERVERS = {
    "serve": (["serve", "--port", "0"], filename_message("repair_raw")),
    "worker": (["worker", "--node", "raw_repair=0"], text_message(MessageID.CONFIG, "<configuration/>")),
}
"""Each with what a client begins with."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_monitors_and_ends_when_it_is_told_to(number):
    options = ["--monitor-port", "0", "--log-format", "json", "--default-chain", "repair_raw"]
    with subprocess.Popen([*COMMAND, *SERVERS["serve"][0], *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            messages = (json.loads(line)["message"] for line in process.stderr)
            found = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", message) for message in messages)))
            assert "listening on 127.0.0.1:" in next(messages)
            with urllib.request.urlopen(f"{found[0]}/health", timeout=20) as answer:
                assert answer.read() == b"well\n"
        finally:
            process.send_signal(number)
        assert list(messages) == ["stopping, 0 scans run"]
    assert process.returncode == 0


@pytest.mark.parametrize("server", SERVERS)
def test_a_monitor_is_told_that_no_new_scan_is_accepted_while_one_goes_on(server):
    arguments, opening = SERVERS[server]
    with subprocess.Popen([*COMMAND, *arguments, "--monitor-port", "0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            found = [next(filter(None, (re.search(text, line) for line in process.stderr)))[1] for text in (
                r"(http://127\.0\.0\.1:\d+/health)", r"listen\w+ on 127\.0\.0\.1:(\d+)",
            )]  # fmt: skip
            with socket.create_connection(("127.0.0.1", int(found[1])), timeout=LIMIT_S) as peer:
                peer.sendall(scan_bytes(opening, close=b""))
                assert peer.recv(1)
                process.send_signal(signal.SIGTERM)
                wait_until(
                    lambda: health(found[0]) == (503, "stopping: scans that run go on, and no new one is accepted\n")
                )
        finally:
            process.kill()


def health(address):
    try:
        with urllib.request.urlopen(address, timeout=LIMIT_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
