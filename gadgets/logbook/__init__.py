"""Logbook: what is written down of the scans that were seen here?"""

from gadgets.logbook.place import RECORD_VARIABLE, logbook_path
from gadgets.logbook.recorder import SCAN_FIELDS, Recorder
from gadgets.logbook.report import Report
from gadgets.logbook.running import (
    RunningFile,
    RunningScan,
    picture_of_running,
    record_broken_off,
    running_scans,
    watch_running,
)
from gadgets.logbook.running_picture import Images
from gadgets.logbook.scan_entry import ScanEntry, SparkEntry, entry_of, now
from gadgets.logbook.scan_name import SCAN_PREFIX, ScanName, in_scan, note_scan, of_this_scan, this_scan, told_scan
from gadgets.logbook.shown import show_running
from gadgets.logbook.store import MAGIC, Logbook

__all__ = [
    "MAGIC",
    "RECORD_VARIABLE",
    "SCAN_FIELDS",
    "SCAN_PREFIX",
    "Images",
    "Logbook",
    "Recorder",
    "Report",
    "RunningFile",
    "RunningScan",
    "ScanEntry",
    "ScanName",
    "SparkEntry",
    "entry_of",
    "in_scan",
    "logbook_path",
    "note_scan",
    "now",
    "of_this_scan",
    "picture_of_running",
    "record_broken_off",
    "running_scans",
    "show_running",
    "this_scan",
    "told_scan",
    "watch_running",
]
