"""What forms of the console send."""

from __future__ import annotations

THRESHOLDS = {"threshold": "0.5", "centre_threshold": "0.7", "point_threshold": "0.5", "core_threshold": "0.88"}
