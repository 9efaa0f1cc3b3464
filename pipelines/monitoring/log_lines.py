"""The log as one JSON document per line, for programs that gather logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone

from gadgets.logbook import SCAN_FIELDS, of_this_scan
from gadgets.outside import printable


class JsonLines(logging.Formatter):
    """Writes time (UTC), level, logger, thread and text of a record, and what is known of the scan it belongs to.

    A traceback, and what the entry of a scan says, stand in fields of their own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        fields = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": printable(record.getMessage(), keep="\n"),
            **of_this_scan(),
            **getattr(record, SCAN_FIELDS, {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        # Line breaks become escapes in JSON: one record stays one line, whatever a client has sent.
        return json.dumps(fields, ensure_ascii=False)
