"""What came of a replay, as its report tells it, and as the raw data that it gave back say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

from gadgets.findings import ScanFacts
from gadgets.records import Record
from pipelines.chains import Chain
from pipelines.replay.gathered import RECORDS, in_words, merge
from pipelines.replay.scan_output import ScanOutput
from pipelines.replay.scan_report import ScanReport, total
from pipelines.replay.told_by_images import from_images
from pipelines.version import despark_version


def report_of(came: ScanOutput, records: Sequence[tuple[str, Record]], facts: ScanFacts, **asked: object) -> ScanReport:
    """Make the report of a replay.

    Parameters
    ----------
    came
        What came back.
    records
        Of the nodes, as far as they are known here; else what images tell of themselves is taken.
    facts
        What the header says.
    asked
        The fields of :class:`~pipelines.replay.scan_report.ScanReport` that say what was to be done, and how long it
        took.
    """
    order = list(RECORDS)
    # In the order of the nodes: a k-space is first told of by whoever saw it first.
    kspaces = merge(sorted(records, key=lambda entry: order.index(entry[0])))
    totals = total(kspaces)
    if not kspaces:
        kspaces, totals = from_images(came.image_results)
    counts = came.counts
    return ScanReport.model_validate(
        {
            **asked,
            "despark": despark_version(),
            "returned": {
                "acquisitions": counts.acquisitions,
                "waveforms": counts.waveforms,
                "images": counts.images,
                "other messages, not written": counts.unwritten,
            },
            "totals": totals,
            **in_words(kspaces, facts, n_found=totals.sparks),
        }
    )


def made_by(chain: Chain | None) -> str:
    """Say what a chain does to raw data that it gives back; empty where that is nothing, or nobody knows."""
    nodes = [node for node in (chain.nodes if chain is not None else ()) if node.is_ours and node.name == "raw_repair"]
    if not nodes or nodes[0].properties.get("calibration.method") == "none":
        return ""
    return f"repaired by raw_repair of version {despark_version()}"
