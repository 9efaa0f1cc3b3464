"""Logbook: what is written down of the scans that were seen here?

The files, first a scan that runs, then what is kept of it:

===================  ===================================
module               what is in it
===================  ===================================
``scan_name``        which scan is it?
``running_file``     the file that a scan keeps while it runs
``running``          the scans that run now, read from these
``shown``            how far one of them is
``running_picture``  its last image
``recorder``         what is counted until it ends
``scan_entry``       the entry that it leaves
``report``           what a node writes for each k-space
``place``            where the logbook lies
``store``            what it holds
``tables``           how that lies in its file
===================  ===================================
"""

from gadgets.logbook.place import RECORD_VARIABLE, logbook_path
from gadgets.logbook.recorder import SCAN_FIELDS, Recorder
from gadgets.logbook.report import Report
from gadgets.logbook.running import picture_of_running, record_broken_off, running_scans, watch_running
from gadgets.logbook.running_file import RunningFile, RunningScan
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
