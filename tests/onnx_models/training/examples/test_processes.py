"""Work in other processes: they end with the one that asked, and leave nothing undone that was wanted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.connections import descendants, is_running

from onnx_models.training.examples.processes import in_processes

LIMIT_S = 30


def doubled(number):
    return 2 * number


def noted(task):
    """Take some time for a task, and leave a file for it."""
    folder, number = task
    time.sleep(0.2)
    (folder / str(number)).touch()


def killed(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_comes_of_the_tasks_keeps_their_order():
    assert list(in_processes(doubled, range(20), 3)) == list(range(0, 40, 2))


def test_no_more_processes_start_than_there_are_tasks():
    before = descendants()
    made = in_processes(doubled, range(2), 200)
    next(made)
    # One more process may belong to the machinery of the pool.
    assert len(descendants() - before) <= 3
    made.close()


def test_tasks_that_have_not_begun_are_left_when_nobody_wants_them(tmp_path):
    made = in_processes(noted, [(tmp_path, number) for number in range(200)], 2)
    next(made)
    made.close()
    assert len(list(tmp_path.iterdir())) < 20


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_they_end_with_the_process_that_asked(tmp_path, number):
    program = f"""
import sys, pathlib
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[3])!r}]
from test_processes import in_processes, noted
list(in_processes(noted, [(pathlib.Path({str(tmp_path)!r}), number) for number in range(1000)], 3))
"""
    asked = subprocess.Popen([sys.executable, "-c", program], start_new_session=True, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + LIMIT_S
    while not any(tmp_path.iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    others = descendants(asked.pid)
    assert len(others) >= 3
    # As a terminal does it; a kill reaches the first one alone.
    (os.killpg if number == signal.SIGINT else os.kill)(asked.pid, number)
    said = asked.communicate(timeout=LIMIT_S)[1]
    while any(map(is_running, others)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_running, others))
    assert said.count("Traceback") <= (number == signal.SIGINT)
