"""``despark serve`` as a service runs it: told to stop it ends well, and monitors are answered until then."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

COMMAND = [sys.executable, "-m", "pipelines.commands.command_line", "serve", "--port", "0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_monitors_and_ends_when_it_is_told_to(number):
    options = ["--monitor-port", "0", "--log-format", "json", "--default-chain", "repair_raw"]
    with subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True) as process:
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
