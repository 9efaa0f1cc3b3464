"""The log for programs."""

from __future__ import annotations

import json
import logging
import sys

from pipelines.monitoring.log_lines import JsonLines


def line(message, *args, error=None):
    record = logging.LogRecord("gadgets.node", logging.WARNING, "node.py", 1, message, args, error)
    return JsonLines().format(record)


def test_a_line_is_one_document():
    text = line("raw_repair: %d points\nand µ more", 3)
    assert "\n" not in text
    fields = json.loads(text)
    assert fields["message"] == "raw_repair: 3 points\nand µ more"
    assert (fields["level"], fields["logger"]) == ("WARNING", "gadgets.node")
    assert fields["time"].endswith("+00:00")


def test_a_traceback_has_its_own_field():
    try:
        raise ValueError("lost")
    except ValueError:
        fields = json.loads(line("failed", error=sys.exc_info()))
    assert fields["traceback"].endswith("ValueError: lost")
