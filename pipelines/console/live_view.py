"""A scan while it runs, on the console's page: how far it is, and its last image."""

from __future__ import annotations

from html import escape

from gadgets.findings import counted
from gadgets.logbook import RunningScan
from pipelines.console.scan_view import compare


def running_row(scan: RunningScan) -> str:
    """Write the row of a scan that runs; its attributes tell the page's script what is new."""
    minutes, seconds = divmod(int(max(scan.seconds, 0)), 60)
    name = escape(scan.protocol or scan.source)
    progress = (
        f'<progress max="{scan.announced}" value="{scan.k_spaces}" aria-label="k-spaces of {name}"></progress>'
        if _is_known(scan)
        else ""
    )
    strongest = f"{scan.strongest:.2g}" if scan.strongest else ""
    return (
        f'<tr class="running" data-scan="{escape(scan.scan)}" data-pictures="{scan.pictures}" '
        f'data-told="{escape(_told(scan))}"><td><a href="/?running={escape(scan.scan)}">runs {minutes}:{seconds:02}</a>'
        f'</td><td class="name" title="{name}">{name}</td><td>{scan.sparks}</td><td>{strongest}</td></tr>'
        f'<tr class="running more"><td colspan="4">{_progress(scan)}{progress}</td></tr>'
    )


def live_view(scan: RunningScan) -> str:
    """Write what is shown of a scan that runs: what was found so far, and its last image with a slider."""
    about = " · ".join(filter(None, (scan.protocol, scan.station, scan.source, scan.client)))
    image = (
        f'<div class="pair">{compare("last image", f"/running/{escape(scan.scan)}")}</div>'
        if scan.pictures
        else '<p class="note">The next k-space will be shown here.</p>'
    )
    return (
        f'<section id="live" data-scan="{escape(scan.scan)}" data-pictures="{scan.pictures}">'
        f'<p class="eyebrow">{escape(about)}</p><span class="status">runs</span><h1>{escape(_told(scan))}</h1>'
        f"<h2>Last image</h2>{image}</section>"
    )


def _told(scan: RunningScan) -> str:
    found = f"{counted(scan.sparks, 'spark')} so far" if scan.sparks else "No sparks so far"
    repaired = f", {scan.repaired} repaired" if scan.sparks else ""
    strongest = f", strongest {scan.strongest:.2g} times the image noise" if scan.strongest else ""
    return f"{found}{repaired}{strongest}; {_progress(scan)}."


def _progress(scan: RunningScan) -> str:
    return f"{scan.k_spaces}{f' of {scan.announced}' if _is_known(scan) else ''} k-spaces"


def _is_known(scan: RunningScan) -> bool:
    # Headers may announce fewer than come, or nothing.
    return scan.announced is not None and 1 < scan.announced >= scan.k_spaces
