"""Replay: how does a file or a stream go through a chain?"""

from pipelines.replay.image_repair import ImageRepair
from pipelines.replay.mrd2_stream import open_mrd2
from pipelines.replay.replay import DEFAULT_PIPELINE, Replay
from pipelines.replay.scan_report import ScanReport
from pipelines.replay.stream import MessageStream, data_only, open_models, run_stream

__all__ = [
    "DEFAULT_PIPELINE",
    "ImageRepair",
    "MessageStream",
    "Replay",
    "ScanReport",
    "data_only",
    "open_models",
    "open_mrd2",
    "run_stream",
]
