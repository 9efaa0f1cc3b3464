"""Where things lie in the source tree, for tests that read it or start processes beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PROBES = Path(__file__).parent
"""The folder from which a process of its own can import ``probe_gadgets``."""
