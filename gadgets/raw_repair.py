"""The node RawRepair, the drop-in: acquisitions in, the same acquisitions out, only sparks repaired.

Buffer, detection and calibration in one process.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from gadgets.drop_in import RawRepairer
from gadgets.findings import ScanFacts
from gadgets.judged import Told
from gadgets.kspace import Encoding
from gadgets.logbook import Recorder
from gadgets.node import Stage, run_node
from gadgets.settings import RawRepairSettings, changed_settings
from gadgets.stand_ins import detector_for


def raw_repair(connection: Any) -> None:  # noqa: ANN401 - gadgetron is untyped
    """Run the node on a ``gadgetron`` Connection."""
    run_node(connection, "raw_repair", RawRepairSettings, open_stage)


def open_stage(settings: RawRepairSettings, encodings: tuple[Encoding, ...], facts: ScanFacts) -> Stage:
    """Open what the stages need, before any data, and give the stage of this node."""
    own = settings.calibration
    recorder = Recorder(own.record, "raw_repair", facts, changed_settings(settings), own.on_failure)
    detector = detector_for(settings.spark_detection)
    told = Told(recorder, encodings, for_client=settings.send_findings)
    repairer = RawRepairer(settings, encodings, detector, told.add, facts.protocol)
    return partial(told.run, repairer.repair)
