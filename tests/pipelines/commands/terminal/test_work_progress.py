"""What is shown during work: a line at once, then phases and bars on a terminal, and nothing of them elsewhere."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest
from rich.console import Console

from pipelines.commands.terminal.progress import unseen, working
from pipelines.commands.terminal.shell import Shell

PROGRAM = [sys.executable, "-m", "pipelines.commands.command_line"]
FIRST_WORD_S = 5.0
"""Of a machine that is busy with other tests; it is a fraction of a second otherwise."""


def shell_on(is_terminal, *, quiet=False):
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80, color_system=None)
    return Shell(quiet=quiet, terminal=console)


def text_of(shell):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shell.terminal.file.getvalue())


def test_elsewhere_than_on_a_terminal_there_is_one_line():
    shell = shell_on(False)
    with working(shell, "doing something") as work:
        work.phase("opening models")
        work.bar("files", 1, 2)
    assert text_of(shell) == "despark: doing something …\n"


def test_quiet_shows_nothing_at_all():
    shell = shell_on(True, quiet=True)
    with working(shell, "doing something") as work:
        work.bar("files", 1, 2)
    assert text_of(shell) == ""


def test_a_terminal_shows_phases_and_bars_with_what_is_left():
    shell = shell_on(True)
    with working(shell, "doing something") as work:
        work.phase("opening models")
        time.sleep(0.3)
        work.bar("files", 1, 2, "a file [of [this] name")
        time.sleep(0.3)
        work.end("files")
        work.end("files")
    shown = text_of(shell)
    assert shown.startswith("despark: doing something …\n")
    assert "opening models …" in shown
    assert re.search(r"a file \[of \[this\] name .* 1/2 .* left", shown)


def test_a_bar_fits_into_a_line_of_80_columns():
    shell = shell_on(True)
    with working(shell) as work:
        work.bar("n" * 200, 12345, 67890)
        time.sleep(0.3)
    assert max(map(len, re.split(r"[\r\n]+", text_of(shell)))) <= 80
    assert "12345/67890" in text_of(shell)


def test_a_phase_takes_the_place_of_bars_and_a_bar_that_of_a_phase():
    work = unseen()
    work.bar("one", 1, 2)
    work.bar("two", 1, 2)
    work.phase("waiting")
    work.bar("three", 0, 1)
    work.bar("three", 1, 1)
    assert [task.description for task in work._progress.tasks] == ["three"]


def on_a_terminal(*arguments, until=None, cwd=None):
    """Run a command on a terminal of 80 columns; gives what it shows and the seconds to the first of it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    started = time.monotonic()
    program = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment, cwd=cwd,
    )  # fmt: skip
    os.close(theirs)
    shown, first = b"", None
    try:
        while until is None or until not in shown:
            if not select.select([ours], [], [], 60)[0]:
                break
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            first = first or time.monotonic() - started
            shown += piece
    finally:
        program.terminate()
        program.wait(30)
        os.close(ours)
    return shown.decode("utf-8", "replace"), first


@pytest.mark.parametrize("name", ["demo", "models"])
def test_a_command_says_at_once_that_it_starts(name, tmp_path):
    shown, seconds = on_a_terminal(name, until="starts …".encode(), cwd=tmp_path)
    assert shown.startswith(f"despark: {name} starts …")
    assert seconds < FIRST_WORD_S


def test_a_replay_shows_its_phases_and_leaves_a_clean_screen(phantom_file, tmp_path):
    shown, _ = on_a_terminal(
        "replay",
        phantom_file,
        "-o",
        tmp_path / "o.h5",
        "--pipeline",
        "repair_raw",
        "--set",
        "spark_detection.method=none",
    )
    assert "\r\x1b[2Kdespark: replaying" in shown
    # Wherever the line is broken, which depends on how long the name of the folder is.
    assert "through repair_raw …" in " ".join(shown.split())
    assert re.search(r"starting nodes …|waiting for results …", shown)
    assert "written to" in shown


def test_help_and_wrong_usage_are_not_announced():
    assert "starts …" not in on_a_terminal("replay", "--help")[0]
    assert "starts …" not in on_a_terminal("nope")[0]
    assert "starts …" not in on_a_terminal("replay", "no.h5", "-o", "o.h5", "-q")[0]
