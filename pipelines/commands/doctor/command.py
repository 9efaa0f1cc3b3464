"""``despark doctor``: what is installed, what really runs, and whether it is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import typer
from rich.table import Table
from rich.text import Text

from pipelines.commands.doctor.findings import Finding
from pipelines.commands.doctor.machine import machine, ports
from pipelines.commands.doctor.software import models, spark_in_a_phantom, versions
from pipelines.commands.terminal.progress import working
from pipelines.commands.terminal.shell import JsonFile, Quiet, Verbose, open_shell
from pipelines.version import despark_version

STYLES = {"well": "green", "note": "yellow", "fault": "bold red"}


def doctor(json_file: JsonFile = None, verbose: Verbose = 0, quiet: Quiet = False) -> None:
    """See whether this installation is well.

    It opens every model, finds and repairs a spark in a scan that it makes itself, and looks at ports, processors and
    disk. A note is worth knowing; the exit code is 1 where there is a fault.

    Example: despark doctor --json - | jq .findings
    """
    shell = open_shell(verbose, quiet, json_file)
    with working(shell, "looking at this installation") as work:
        findings = look(work.phase)
    shell.write_json(
        json.dumps({"despark": despark_version(), "findings": [each.model_dump() for each in findings]}, indent=1)
    )
    shell.show(findings_table(findings))
    if faults := [each.what for each in findings if each.state == "fault"]:
        shell.complain(f"not well: {', '.join(faults)}")
        raise typer.Exit(1)


def look(on_phase: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Look at everything, in an order in which what comes later relies on what came before."""
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": versions,
        "models": models,
        "a spark in a phantom": spark_in_a_phantom,
        "ports": ports,
        "the machine": machine,
    }
    findings: list[Finding] = []
    for name, each in looks.items():
        on_phase(f"looking at {name}")
        try:
            findings += each()
        # Of an installation that is not whole, whatever a library raises.
        except Exception as error:  # noqa: BLE001 - a finding
            # Whatever it is, the rest is worth looking at.
            findings.append(Finding(what=name, state="fault", text=f"{type(error).__name__}: {error}"))
    return findings


def findings_table(findings: Sequence[Finding]) -> Table:
    """Draw the findings up, as wide as the terminal."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        text = Text(each.text)
        if each.advice:
            text.append(f"\n-> {each.advice}")
        table.add_row(Text(each.what), Text(each.state, style=STYLES[each.state]), text)
    return table
