"""One thread per process for linear algebra, unless it was said otherwise."""

from __future__ import annotations

import subprocess
import sys

from pipelines.thread_limits import LIMITS, limit_threads


def test_what_is_set_already_counts(monkeypatch):
    monkeypatch.setattr("pipelines.thread_limits.set_here", here := set())
    environment = {"OMP_NUM_THREADS": "4"}
    limit_threads(environment)
    assert environment == {**LIMITS, "OMP_NUM_THREADS": "4"}
    assert here == {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


def test_the_command_line_loads_no_such_library_before_the_limits_are_set():
    code = "import pipelines.commands.command_line, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
