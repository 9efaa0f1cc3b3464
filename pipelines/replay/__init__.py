"""Replay: how does a file or a stream go through a chain?

The files, first what is asked for, last what is told of it:

==================  ===============================================
module              what is in it
==================  ===============================================
``replay``          a raw file through a chain
``client``          the client that streams it
``expected``        what has to come back
``scan_output``     what does come back, written as it arrives
``converted``       the same as DICOM, NIfTI or PNG
``stream``          a chain as a filter in a pipe
``pipe``            the two ends of that
``mrd2_stream``     the same for MRD version 2
``images``          images of which there are no raw data
``node_reports``    how nodes tell what they found
``gathered``        what they told, k-space by k-space and in words
``told_by_images``  what images tell, where nodes cannot
``outcome``         all of it together
``scan_report``     the report
``recording``       its entry in the logbook
==================  ===============================================
"""

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
