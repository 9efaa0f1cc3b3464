"""Logbook: what is written down of the scans that were seen here?"""

from gadgets.logbook.place import RECORD_VARIABLE, logbook_path
from gadgets.logbook.recorder import Recorder, changed_settings, hashed
from gadgets.logbook.report import Report
from gadgets.logbook.scan_entry import ScanEntry, entry_of
from gadgets.logbook.store import Logbook

__all__ = [
    "RECORD_VARIABLE",
    "Logbook",
    "Recorder",
    "Report",
    "ScanEntry",
    "changed_settings",
    "entry_of",
    "hashed",
    "logbook_path",
]
