"""Replay: how does a file or a stream go through a chain?"""

from pipelines.replay.gathered import RECORDS, in_words, merge
from pipelines.replay.images import ImageRepair, ImageRepairer, doubt_of, kspace_of_image
from pipelines.replay.mrd2_stream import open_mrd2
from pipelines.replay.recording import entry_of_report, record_scan
from pipelines.replay.replay import DEFAULT_PIPELINE, Replay
from pipelines.replay.scan_report import LOOK, ScanReport, total
from pipelines.replay.stream import MessageStream, data_only, open_models, run_stream

__all__ = [
    "DEFAULT_PIPELINE",
    "LOOK",
    "RECORDS",
    "ImageRepair",
    "ImageRepairer",
    "MessageStream",
    "Replay",
    "ScanReport",
    "data_only",
    "doubt_of",
    "entry_of_report",
    "in_words",
    "kspace_of_image",
    "merge",
    "open_models",
    "open_mrd2",
    "record_scan",
    "run_stream",
    "total",
]
