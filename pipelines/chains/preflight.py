"""What can be checked of a set-up before a scan starts, so that a fault in it never costs one."""

from __future__ import annotations

import logging
from pathlib import Path

from gadgets.detection import open_detector
from gadgets.logbook import Report
from gadgets.repair import open_value_assignment
from gadgets.settings import CalibrationSettings, NodeSettings, SparkDetectionSettings
from onnx_models.loader import verified_content
from onnx_models.manifest import read_manifest
from pipelines.chains.chain import Chain
from pipelines.chains.chain_node import Node

logger = logging.getLogger(__name__)


def check_models(chain: Chain) -> None:
    """See that the models of a chain are there and unchanged, and that a GPU that is asked for is present.

    Raises
    ------
    ModelError
        A model is missing or has the wrong hash.
    ProviderError
        A GPU is asked for, and no session runs there.
    """
    for node in chain.nodes:
        for stage in node.settings:
            if isinstance(stage, SparkDetectionSettings):
                _check_detection(stage)
            # Most settings need no model here, and then nothing is opened.
            if isinstance(stage, CalibrationSettings):
                open_value_assignment(stage)


def check_reports(chain: Chain) -> None:
    """See that the files that nodes were told to add their records to can be written; they are made.

    Raises
    ------
    StoreError
        One cannot; names the node.
    """
    for node in chain.nodes:
        for path in reports_of(node):
            Report(path, node.name)


def reports_of(node: Node) -> list[Path]:
    """Give the files that a node of ours, or a stage that it joins, was told to add its records to."""
    return [stage.report for stage in node.settings if isinstance(stage, NodeSettings) and stage.report is not None]


def check_default_models() -> None:
    """See that detection works with the models that are installed; raises as :func:`check_models`."""
    open_detector(SparkDetectionSettings())


def _check_detection(settings: SparkDetectionSettings) -> None:
    # Who does not look needs no models, and may have none.
    if settings.method == "none":
        return
    folder: Path | None = settings.models
    entries = read_manifest(folder).models
    logger.info("models are verified: %d %s", len(entries), f"in {folder.name}" if folder else "that are installed")
    for entry in entries:
        verified_content(entry, folder)
    # Only sessions that were opened tell whether every role has its model, and where it runs.
    open_detector(settings)
