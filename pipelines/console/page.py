"""The console's page. It works without its script, which adds keys, the slider and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from gadgets.findings import counted, named_receivers
from gadgets.logbook import ScanEntry
from gadgets.settings import SparkDetectionSettings
from pipelines.console.desk import THRESHOLDS, Desk, InForce, spark_name
from pipelines.console.looker import Looker
from pipelines.inspection import KSpacePictures, marks_svg

NAMES = {
    "threshold": "Patches",
    "centre_threshold": "Patches near the centre",
    "point_threshold": "Samples",
    "core_threshold": "Samples at the echo's peak",
}
MOST_CHANGES = 5


def console_page(desk: Desk, looker: Looker, number: int | None, form_key: str, user: str, fault: str = "") -> str:
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
    """
    scans = desk.scans()
    entry = desk.logbook.entry(number) if number is not None else None
    if entry is None and scans:
        number, entry = scans[0]
    hidden = f'<input type="hidden" name="form_key" value="{escape(form_key)}">' + (
        f'<input type="hidden" name="scan" value="{number}">' if entry is not None else ""
    )
    shown = (
        "<h1>No scan has been seen yet</h1><p>Scans appear here as soon as they end.</p>"
        if entry is None or number is None
        else _scan(number, entry, looker, desk.verdicts(), hidden, user)
    )
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
        f'<th>protocol</th><th>sparks</th><th>× noise</th></tr></thead><tbody id="scans">{scan_rows(scans, number)}'
        f"</tbody></table></div></nav><article>{shown}</article>{_thresholds(desk, desk.in_force(), hidden)}</main>"
        "<footer>Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous spark, <kbd>y</kbd> it was one, <kbd>n</kbd> it was "
        "none, <kbd>t</kbd> thresholds. Research software, not a medical device.</footer></body></html>\n"
    )


def scan_rows(scans: Sequence[tuple[int, ScanEntry]], chosen: int | None) -> str:
    """Write the rows of the list of scans, the latest first."""
    rows = []
    for number, entry in scans:
        state, failed = ("failed", ' class="bad"') if entry.failure else (str(entry.sparks), "")
        current, chosen_one = (' aria-current="true"', ' class="chosen"') if number == chosen else ("", "")
        strongest = f"{entry.strongest:.2g}" if entry.strongest else ""
        rows.append(
            f'<tr{chosen_one}><td><a href="/?scan={number}"{current}>'
            f"{escape(entry.local[5:16].replace('T', ' '))}</a></td><td>{escape(entry.protocol or entry.source)}</td>"
            f"<td{failed}>{state}</td><td>{strongest}</td></tr>"
        )
    return "".join(rows) or '<tr><td colspan="4">none yet</td></tr>'


def _scan(number: int, entry: ScanEntry, looker: Looker, verdicts: Mapping[str, bool], hidden: str, user: str) -> str:
    is_good = not entry.failure and entry.repaired == entry.sparks
    status = "failed" if entry.failure else counted(entry.sparks, "spark") if entry.sparks else "no sparks"
    kind = "bad" if entry.failure else "" if is_good and not entry.sparks else "warn"
    about = " · ".join(filter(None, (entry.local.replace("T", " "), entry.protocol, entry.station, entry.source)))
    in_force = ", ".join(f"{name} {value:.3g}" for name, value in entry.thresholds.items())
    judged_by = f"<p class='note'>Judged by the thresholds of {escape(entry.thresholds_from)}: {escape(in_force)}.</p>"
    file = looker.file_of(number)
    again = (
        f'<form method="post" action="/look">{hidden}<button>Look at {escape(file.name)} again</button></form>'
        if file is not None
        else ""
    )
    return (
        f'<p class="eyebrow">{escape(about)}</p><span class="status {kind}">{escape(status)}</span>'
        f"<h1>{escape(entry.failure or entry.verdict)}</h1>{judged_by if in_force else ''}{again}"
        f"{_pictures(number, looker.pictures_of(number))}{_sparks(number, entry, verdicts, hidden, user)}"
    )


def _pictures(number: int, pictures: Sequence[KSpacePictures]) -> str:
    if not pictures:
        return (
            '<h2>Images</h2><p class="note">None: a node keeps no pictures of a scan. Raw files that '
            "<code>despark console FILES…</code> looks at have some, the last twelve.</p>"
        )
    rows = "".join(_slice(number, place, each) for place, each in enumerate(pictures))
    return f"<h2>Images</h2>{rows}"


def _slice(number: int, place: int, pictures: KSpacePictures) -> str:
    named = ", ".join(f"{name} {value}" for name, value in pictures.indices.model_dump().items() if value) or "slice 0"
    address = f"/picture/{number}/{place}"
    image = ""
    if pictures.before is not None:
        image = (
            f'<figure class="compare"><div class="frame"><img alt="{escape(named)} before the repair" '
            f'src="{address}/before.png"><img class="over" alt="{escape(named)} after the repair" '
            f'src="{address}/after.png"></div><label>before <input type="range" min="0" max="100" value="50" '
            f'aria-label="{escape(named)}: how much is shown as before the repair"> after</label></figure>'
        )
    return (
        f'<h3>{escape(named)}</h3><div class="pair">{image}<figure><div class="frame kspace"><img alt="k-space of '
        f'{escape(named)}" src="{address}/kspace.png">{marks_svg(pictures)}</div><figcaption>k-space: green repaired, '
        "red not</figcaption></figure></div>"
    )


def _sparks(number: int, entry: ScanEntry, verdicts: Mapping[str, bool], hidden: str, user: str) -> str:
    if not entry.found:
        return ""
    rows = []
    for place, spark in enumerate(entry.found):
        said = verdicts.get(spark_name(number, entry, place))
        sure = "" if spark.probability is None else f"{spark.probability:.3f}"
        buttons = "".join(
            f'<button name="was_spark" value="{value}" aria-pressed="{str(said is meant).lower()}">{text}</button>'
            for value, text, meant in (("yes", "spark", True), ("no", "none", False))
        )
        rows.append(
            f'<tr id="spark{place}" class="spark" tabindex="-1"><td>{place + 1}</td><td>{escape(spark.clock)}</td>'
            f"<td>line {spark.line}, sample {spark.sample}</td>"
            f"<td>{escape(named_receivers(spark.receivers, entry.coils, most=3).partition(' ')[2])}</td>"
            f"<td>{spark.rnr:.2g}</td><td>{sure}</td><td>{'yes' if spark.is_repaired else 'no'}</td>"
            f'<td><form method="post" action="/judge" class="judge">{hidden}'
            f'<input type="hidden" name="by" value="{escape(user)}">'
            f'<input type="hidden" name="spark" value="{place}">{buttons}</form></td></tr>'
        )
    heads = ("", "time", "place", "receivers", "× noise", "sure", "repaired", "was it one?")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f'<h2>Sparks</h2><div class="scroll"><table class="sparks"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _thresholds(desk: Desk, in_force: InForce, hidden: str) -> str:
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
        f'<p class="note">Scans follow with <code>spark_detection.history={escape(str(desk.history))}</code> and '
        "<code>spark_detection.thresholds_from=history</code>.</p>"
        + (
            f'<div class="scroll"><table><tr><th>set (UTC)</th><th>by</th><th>values</th></tr>{changes}</table></div>'
            if changes
            else ""
        )
        + "</section>"
    )


def _what_for(name: str) -> str:
    return str(SparkDetectionSettings.model_fields[name].description).partition(". ")[0].rstrip(".")
