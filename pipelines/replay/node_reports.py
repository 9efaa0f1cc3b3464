"""How a replay learns what the nodes found: from files that they write, or from what the server sends along."""

from __future__ import annotations

from pathlib import Path

from pipelines.chains import Chain


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
        if node.is_ours and "report" not in node.properties:
            node.set_property("report", str(folder / f"{number}_{node.name}.jsonl"))
    return changed


def report_offsets(chain: Chain | None) -> dict[Path, int]:
    """Find the files that nodes add their records to, and what stands in them already."""
    paths = {
        Path(value)
        for node in (chain.nodes if chain is not None else ())
        if node.is_ours
        for name, value in node.properties.items()
        if name.rpartition(".")[2] == "report"
    }
    # A set: several nodes may be told to write to one file, which is to be read once.
    return {path: path.stat().st_size if path.exists() else 0 for path in sorted(paths)}
