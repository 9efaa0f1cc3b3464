"""The console's page. It works without its script, which adds keys, the slider and what is new."""

from __future__ import annotations

from html import escape

from gadgets.findings import counted
from gadgets.logbook import ScanEntry
from gadgets.settings import SparkDetectionSettings
from pipelines.console.desk import MOST_SCANS, THRESHOLDS, Desk, InForce
from pipelines.console.live_view import live_view, running_row
from pipelines.console.looker import Looker
from pipelines.console.scan_view import IMPACT_WORDS, scan_view

NAMES = {
    "threshold": "Patches",
    "centre_threshold": "Patches near the centre",
    "point_threshold": "Samples",
    "core_threshold": "Samples at the echo's peak",
}
MOST_CHANGES = 5


def console_page(
    desk: Desk, looker: Looker, number: int | None, form_key: str, user: str, fault: str = "", running: str = ""
) -> str:
    """Write the page.

    Parameters
    ----------
    desk, looker
        What is known.
    number
        Of the scan that is shown; None: the last one.
    form_key
        Stands in the forms.
    user
        Name that the forms suggest.
    fault
        What was wrong with the last form.
    running
        Name of a scan that runs, which is shown in place of one that has ended; once it has, the last one is.
    """
    scans = desk.scans()
    entry = desk.logbook.entry(number) if number is not None else None
    if entry is None and scans:
        number, entry = scans[0]
    hidden = f'<input type="hidden" name="form_key" value="{escape(form_key)}">' + (
        f'<input type="hidden" name="scan" value="{number}">' if entry is not None else ""
    )
    live = next((each for each in desk.watched() if each.scan == running), None)
    if live is not None:
        number = None
    shown = "<h1>No scan has been seen yet</h1><p>Scans appear here as soon as they begin.</p>"
    if live is not None:
        shown = live_view(live)
    elif entry is not None and number is not None:
        shown = scan_view(number, entry, desk, looker, hidden, user)
    alert = f'<p class="fault" role="alert">{escape(fault)}</p>' if fault else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>despark console</title>'
        '<link rel="stylesheet" href="/page.css">'
        '<link rel="stylesheet" href="/console.css"><script src="/console.js" defer></script></head>'
        f'<body class="console"><header><strong>despark console</strong>'
        f'<span id="status" role="status">{escape(looker.status())}</span>'
        f'<label class="who">You are <input name="by" form="thresholds-form" id="by" maxlength="60" required '
        f'autocomplete="name" value="{escape(user)}"></label></header>{alert}'
        '<main><nav aria-label="Scans"><h2>Scans</h2><div class="scroll"><table><thead><tr><th>ended</th>'
        f"<th>protocol</th><th>sparks</th><th>ripple</th></tr></thead>{lists(desk, looker, number)}</table></div></nav>"
        f"<article>{shown}</article>{_thresholds(desk.in_force(), desk.history, hidden)}</main>"
        "<footer>Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous spark, <kbd>y</kbd> it was one, <kbd>n</kbd> it was "
        "none, <kbd>s</kbd> scans, <kbd>t</kbd> thresholds. Research software, not a medical device.</footer>"
        "</body></html>\n"
    )


def lists(desk: Desk, looker: Looker, chosen: int | None) -> str:
    """Write what changes by itself: the scans that run, and those that ended, the latest first."""
    scans = desk.scans()
    rows = "".join(
        _row(number, entry, is_chosen=number == chosen, is_seen=looker.seen(number) is not None)
        for number, entry in scans
    )
    if len(scans) == MOST_SCANS:
        rows += (
            f'<tr><td colspan="4" class="note">the last {MOST_SCANS}; all of them: <code>despark log</code></td></tr>'
        )
    nothing = '<tr><td colspan="4">none yet</td></tr>'
    running = "".join(map(running_row, desk.watched()))
    return f'<tbody id="running">{running}</tbody><tbody id="scans">{rows or nothing}</tbody>'


def _row(number: int, entry: ScanEntry, *, is_chosen: bool, is_seen: bool) -> str:
    failed = ' class="bad"' if entry.failure else ""
    current, chosen = (' aria-current="true"', ' class="chosen"') if is_chosen else ("", "")
    # For the page's script: pictures of a scan may come later than the scan.
    chosen += ' data-seen="yes"' if is_seen else ""
    strongest = f"{entry.strongest:.2g}" if entry.strongest else ""
    name = escape(entry.protocol or entry.source)
    return (
        f'<tr{chosen}><td><a href="/?scan={number}"{current}>{escape(entry.local[5:16].replace("T", " "))}</a></td>'
        f'<td class="name" title="{name}">{name}</td><td{failed}>{entry.outcome}</td><td>{strongest}</td></tr>'
    )


def _thresholds(in_force: InForce, history: str, hidden: str) -> str:
    fields = "".join(
        f'<label for="{name}">{NAMES[name]}<small>{escape(_what_for(name))}</small></label><input type="number" '
        f'id="{name}" name="{name}" min="0" max="1" step="any" required value="{in_force.as_set[name]:g}">'
        for name in THRESHOLDS
    )
    moved = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in in_force.moved.items())
    changes = "".join(
        f"<tr><td>{escape(each.at.replace('T', ' '))}</td><td>{escape(each.by)}</td>"
        f"<td>{', '.join(f'{value:g}' for value in each.values.values())}</td></tr>"
        for each in list(in_force.changes)[: -MOST_CHANGES - 1 : -1]
    )
    return (
        f'<section id="thresholds"><h2>Thresholds of the next scan</h2><form id="thresholds-form" method="post" '
        f'action="/thresholds">{hidden}{fields}<button>Set them</button></form>'
        f'<p class="note">In force, with {counted(in_force.n_feedback, "judgement")} since they were set: {moved} '
        f"({escape(in_force.source)}). Ten judgements of a region move its threshold.</p>"
        f"{_learnt(in_force)}"
        f'<p class="note">Scans follow with <code>spark_detection.history={escape(history)}</code> and '
        "<code>spark_detection.thresholds_from=history</code>.</p>"
        + (
            f'<div class="scroll"><table><tr><th>set (UTC)</th><th>by</th><th>values</th></tr>{changes}</table></div>'
            if changes
            else ""
        )
        + "</section>"
    )


def _learnt(in_force: InForce) -> str:
    """Say what else was learnt: how right each kind of model was, and what sparks did to images."""
    right = ", ".join(f"{name} {share:.0%}" for name, share in in_force.accuracy.items())
    told = ", ".join(f"{count} {IMPACT_WORDS[name]}" for name, count in in_force.n_impacts.items() if count)
    texts = [
        f"Judged rightly, for <code>classifier=accuracy</code>: {escape(right)}." if right else "",
        f"Impact of sparks, for <code>impact</code>: {told}; five of each are needed." if told else "",
    ]
    return "".join(f'<p class="note">{text}</p>' for text in texts if text)


def _what_for(name: str) -> str:
    return str(SparkDetectionSettings.model_fields[name].description).partition(". ")[0].rstrip(".")
