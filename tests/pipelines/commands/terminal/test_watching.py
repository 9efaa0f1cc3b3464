"""A server that is told to stop notices it, in whichever thread the system delivers the signal."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import signal, sys, threading
from pipelines.commands.terminal.watching import asked_to_stop, wait_for

def send(to):
    while sys._current_frames()[to].f_code is not wait_for.__code__:
        pass
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    # It lives on, as threads of scans do.
    threading.Event().wait()

with asked_to_stop() as signals:
    threading.Thread(target=send, args=[threading.main_thread().ident], daemon=True).start()
    wait_for(signals)
    print("stopping")
"""


def test_a_signal_that_another_thread_gets_is_noticed():
    outcome = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (outcome.returncode, outcome.stdout) == (0, "stopping\n"), outcome.stderr
