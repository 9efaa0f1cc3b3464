"""One thread per process for linear algebra, where many nodes and scans share the processor.

Libraries that each start a thread per core slow one another down. They look at their variables when they are loaded.
"""

from __future__ import annotations

from collections.abc import MutableMapping

LIMITS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

set_here: set[str] = set()
"""Which of them this process has set itself, as nobody else had."""


def limit_threads(environment: MutableMapping[str, str]) -> None:
    """Set the variables that are not set."""
    for name, value in LIMITS.items():
        if name not in environment:
            environment[name] = value
            set_here.add(name)
