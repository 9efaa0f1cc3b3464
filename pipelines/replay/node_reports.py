"""How a replay learns what the nodes found: from files that they write, or from what the server sends along."""

from __future__ import annotations

from pathlib import Path

from gadgets.errors import RawDataError
from pipelines.chains import Chain, reports_of
from pipelines.files import same_file


def asks_for_findings(chain: Chain) -> bool:
    """Whether a server can be asked to tell what it found: of the drop-in alone, behind which nothing is disturbed."""
    return not chain.obstacles and [node.name for node in chain.nodes] == ["raw_repair"] and chain.nodes[0].is_ours


def with_findings(chain: Chain) -> Chain:
    """Have the drop-in send what it found along with the acquisitions."""
    # A copy, as in with_reports.
    changed = chain.with_settings(())
    changed.nodes[0].set_property("send_findings", "true")
    return changed


def with_reports(chain: Chain, folder: Path) -> Chain:
    """Have each of our own nodes write its records to a file of its own, unless it was told where to."""
    # A copy: the settings that the scan's report names are those that were asked for.
    changed = chain.with_settings(())
    for number, node in enumerate(changed.nodes):
        # The first is the node's own; a stage that has another one keeps it.
        if node.is_ours and node.properties.get("report", "none").strip() == "none":
            node.set_property("report", str(folder / f"{number}_{node.name}.jsonl"))
    return changed


def report_offsets(chain: Chain | None) -> dict[Path, int]:
    """Find the files that nodes add their records to, and what stands in them already."""
    # A set: several nodes may be told to write to one file, which is to be read once.
    paths = {path for node in (chain.nodes if chain is not None else ()) for path in reports_of(node)}
    return {path: path.stat().st_size if path.exists() else 0 for path in sorted(paths)}


def check_not_added_to(chain: Chain, output: Path) -> None:
    """Raise RawDataError where a node was told to add its records to the output."""
    for node in chain.nodes:
        if any(same_file(path, output) for path in reports_of(node)):
            raise RawDataError(f"{output}: the output would overwrite the report of {node.name}")
