"""A command that is told to end does so in order, however often it is told, and says no more than it has to."""

import os
import signal
import subprocess
import sys
import time

import pytest
from helpers.connections import LIMIT_S, wait_until
from helpers.paths import PROBES
from helpers.raw_scans import chain_xml, make_raw_file

from pipelines.commands.terminal.ending import PATIENCE_S, in_order, take_signals

ENDS = [
    (signal.SIGINT, 130, "despark: interrupted\n"),
    (signal.SIGTERM, 143, ""),
    (signal.SIGHUP, 129, ""),
]


@pytest.mark.parametrize(("number", "code", "said"), ENDS)
@pytest.mark.parametrize("library", ["typer", "numpy"])
def test_one_that_still_starts_ends_at_once(tmp_path, library, number, code, said):
    begun = tmp_path / "begun"
    (tmp_path / f"{library}.py").write_text(f"open({str(begun)!r}, 'w').close()\nimport time\ntime.sleep(600)\n")
    words = [sys.executable, "-m", "pipelines.commands.program", "inspect", "scan.h5"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment) as program:
        wait_until(begun.exists)
        program.send_signal(number)
        assert program.communicate(timeout=LIMIT_S)[1] == said
    assert program.returncode == code


@pytest.mark.parametrize(("number", "code", "said"), ENDS)
def test_one_that_forks_does_not_miss_it(tmp_path, number, code, said):
    # Python calls what is registered after each fork, and only writes down what that raises.
    begin = f"os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), {int(number)}))"
    program = f"import os, sys\n{begin}\nfrom pipelines.commands.program import main\nmain()"
    words = [sys.executable, "-c", program, "inspect", str(make_raw_file(tmp_path / "scan.h5"))]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (ended.returncode, ended.stderr) == (code, said)


def test_one_that_is_told_again_while_it_ends_was_told_once(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    end = in_order()
    with pytest.raises(KeyboardInterrupt):
        end(signal.SIGINT, None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        end(number, None)
    now += PATIENCE_S
    with pytest.raises(SystemExit) as ended:
        end(signal.SIGTERM, None)
    assert ended.value.code == 143


def test_what_is_ignored_stays_ignored(monkeypatch):
    taken = []
    ignored = {signal.SIGHUP: signal.SIG_IGN}
    monkeypatch.setattr(signal, "getsignal", lambda number: ignored.get(number, signal.SIG_DFL))
    monkeypatch.setattr(signal, "signal", lambda number, _: taken.append(number))
    take_signals(in_order())
    assert taken == [signal.SIGINT, signal.SIGTERM]


# What a server does whose grace is over while it works for a client.
STILL_WORKS = """
import atexit, threading, time
from pipelines.commands import command_line, program

def busy(*_, **__):
    threading.Thread(target=time.sleep, args=(600,)).start()
    print("shown", end=" ")
    raise SystemExit(3)

command_line.build_app = lambda _: busy
atexit.register(print, "in order")
program.main()
"""


def test_threads_that_still_work_hold_no_program_up():
    ended = subprocess.run(
        [sys.executable, "-c", STILL_WORKS], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "shown in order\n", "")


# Ctrl-C once more, at the moment when the nodes are to be ended.
PRESSED_TWICE = """
import os, signal, sys
from pipelines.host import Host

close = Host.__exit__

def told_again(self, *error):
    os.kill(os.getpid(), signal.SIGINT)
    close(self, *error)
    print("in order")

Host.__exit__ = told_again
from pipelines.commands.command_line import main
main()
"""


def test_nodes_and_files_are_gone_after_ctrl_c_pressed_twice(tmp_path):
    make_raw_file(tmp_path / "raw.h5")
    (tmp_path / "chain.xml").write_bytes(chain_xml("note_pid_and_wait"))
    (tmp_path / "tmp").mkdir()
    pid = tmp_path / "pid"
    environment = {
        **os.environ, "PYTHONPATH": str(PROBES), "PROBE_PID_FILE": str(pid), "TMPDIR": str(tmp_path / "tmp")
    }  # fmt: skip
    words = [sys.executable, "-c", PRESSED_TWICE, "replay", "raw.h5", "-o", "out.h5", "--pipeline", "chain.xml"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    ) as program:
        wait_until(lambda: pid.exists() and pid.read_text())
        program.send_signal(signal.SIGINT)
        shown, said = program.communicate(timeout=LIMIT_S)
    assert (program.returncode, shown) == (130, "in order\n")
    assert said.endswith("\ndespark: interrupted\n")
    assert "Traceback" not in said
    assert not list((tmp_path / "tmp").iterdir())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
