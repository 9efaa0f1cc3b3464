"""One scan on the console's page: what was found, its images, and its sparks, each with what a person can say of it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from gadgets.findings import counted, named_receivers, place_of, short_receivers
from gadgets.logbook import ScanEntry
from gadgets.patch_models import Impact
from pipelines.console.desk import Desk, image_name, spark_name
from pipelines.console.looker import Looker
from pipelines.inspection import Inspection, KSpacePictures, marks_svg

IMPACT_WORDS: Mapping[Impact, str] = {"low": "no artifact", "impact": "artifact", "high": "hindered diagnosis"}
"""What sparks did to an image; an artifact by itself is one that does not hinder a diagnosis."""

MOST_NAMED = 16
"""Receivers that are named where the mouse stays on those of a spark."""


def scan_view(number: int, entry: ScanEntry, desk: Desk, looker: Looker, hidden: str, user: str) -> str:
    """Write what is shown of a scan.

    Parameters
    ----------
    number, entry
        Of the logbook.
    desk, looker
        What is known beside that.
    hidden
        Fields of every form.
    user
        Name that the forms suggest.
    """
    is_good = not entry.failure and not entry.is_unjudged and entry.repaired == entry.sparks
    without = "not judged" if entry.is_unjudged else "no sparks"
    status = "failed" if entry.failure else counted(entry.sparks, "spark") if entry.sparks else without
    kind = "bad" if entry.failure else "" if is_good and not entry.sparks else "warn"
    about = " · ".join(filter(None, (entry.local.replace("T", " "), entry.protocol, entry.station, entry.source)))
    in_force = ", ".join(f"{name} {value:.3g}" for name, value in entry.thresholds.items())
    judged_by = f"<p class='note'>Judged by the thresholds of {escape(entry.thresholds_from)}: {escape(in_force)}.</p>"
    verdicts, seen = desk.verdicts(), looker.seen(number)
    again = (
        f'<form method="post" action="/look">{hidden}<button>Look at {escape(seen[0].name)} again</button></form>'
        if seen is not None
        else ""
    )
    has_page = seen is not None or desk.page_of(entry) is not None
    page = f'<a class="page" href="/kept/{number}.html" target="_blank">The page of this scan</a>' if has_page else ""
    pictures = _pictures(number, entry, None if seen is None else seen[1], verdicts, hidden, user)
    return (
        f'<p class="eyebrow">{escape(about)}</p><span class="status {kind}">{escape(status)}</span>'
        f"<h1>{escape(entry.failure or entry.verdict)}</h1>{judged_by if in_force else ''}"
        f'<div class="tools">{page}{again}</div>{pictures}{_sparks(number, entry, verdicts, hidden, user)}'
    )


def _pictures(
    number: int, entry: ScanEntry, seen: Inspection | None, verdicts: Mapping[str, str], hidden: str, user: str
) -> str:
    if seen is None:
        return (
            '<h2>Images</h2><p class="note">None: a node keeps no pictures of a scan. Raw files that '
            "<code>despark console FILES…</code> looks at have some, the last twelve. So have scans that a server "
            "keeps, where FILES is the folder of its <code>--archive</code>.</p>"
        )
    rows = []
    for place, shown in enumerate(seen.pictures):
        name = image_name(number, entry, shown.indices.model_dump_json(exclude_defaults=True))
        # Without a magnitude an impact teaches nothing, and :class:`ImpactRecord` would refuse it.
        said = _impact(place, verdicts.get(name, ""), hidden, user) if shown.standard_values > 0 else ""
        rows.append(_slice(number, place, shown, said))
    n_seen = len(seen.report.sparks)
    other = (
        f'<p class="note">This look at the file, with the thresholds of its time, found {counted(n_seen, "spark")}.</p>'
        if n_seen != entry.sparks
        else ""
    )
    return f"<h2>Images</h2>{other}{''.join(rows)}"


def _impact(place: int, said: str, hidden: str, user: str) -> str:
    buttons = "".join(
        f'<button name="impact" value="{name}" aria-pressed="{str(said == name).lower()}">{word}</button>'
        for name, word in IMPACT_WORDS.items()
    )
    return (
        f'<form method="post" action="/impact" class="judge impact">{hidden}'
        f'<input type="hidden" name="by" value="{escape(user)}"><input type="hidden" name="image" value="{place}">'
        f"<span>What its sparks did to this image:</span>{buttons}</form>"
    )


def _slice(number: int, place: int, pictures: KSpacePictures, said: str) -> str:
    named = place_of(pictures.indices)
    address = f"/picture/{number}/{place}"
    image = ""
    if pictures.before is not None:
        image = compare(named, address)
    return (
        f'<h3 id="image{place}">{escape(named)}</h3><div class="pair">{image}<figure><div class="frame kspace">'
        f'<img alt="k-space of {escape(named)}" src="{address}/kspace.png">{marks_svg(pictures)}</div>'
        f"<figcaption>k-space: green repaired, red not</figcaption></figure></div>{said}"
    )


def compare(named: str, address: str) -> str:
    """Write an image before and after the repair, with a slider between them."""
    return (
        f'<figure class="compare"><div class="frame"><img alt="{escape(named)} before the repair" '
        f'src="{address}/before.png"><img class="over" alt="{escape(named)} after the repair" '
        f'src="{address}/after.png"></div><label>before <input type="range" min="0" max="100" value="50" '
        f'aria-label="{escape(named)}: how much is shown as before the repair"> after</label></figure>'
    )


def _sparks(number: int, entry: ScanEntry, verdicts: Mapping[str, str], hidden: str, user: str) -> str:
    if not entry.found:
        return ""
    rows = []
    for place, spark in enumerate(entry.found):
        said = verdicts.get(spark_name(number, entry, place), "")
        sure = "" if spark.probability is None else f"{100 * spark.probability:.0f}&nbsp;%"
        where = f"{spark.where}, " if spark.where else ""
        named = named_receivers(spark.receivers, entry.coils, MOST_NAMED).partition(" ")[2]
        receivers = short_receivers(spark.receivers, len(entry.coils), entry.coils, most=1)
        buttons = "".join(
            f'<button name="was_spark" value="{value}" aria-pressed="{str(said == value).lower()}">{text}</button>'
            for value, text in (("yes", "spark"), ("no", "none"))
        )
        rows.append(
            f'<tr id="spark{place}" class="spark" tabindex="-1"><td>{place + 1}</td><td>{escape(spark.clock)}</td>'
            f"<td>{escape(where)}line&nbsp;{spark.line}, sample&nbsp;{spark.sample}</td>"
            f'<td title="{escape(named)}">{escape(receivers)}</td>'
            f"<td>{spark.rnr:.2g}</td><td>{sure}</td><td>{'yes' if spark.is_repaired else 'no'}</td>"
            f'<td><form method="post" action="/judge" class="judge">{hidden}'
            f'<input type="hidden" name="by" value="{escape(user)}">'
            f'<input type="hidden" name="spark" value="{place}">{buttons}</form></td></tr>'
        )
    heads = ("", "time", "place", "receivers", "ripple", "sure", "repaired", "was it one?")
    head = "".join(f"<th>{name}</th>" for name in heads)
    # An entry keeps only so many sparks one by one.
    n_more = entry.sparks - len(entry.found)
    more = f'<p class="note">{counted(n_more, "more spark")} of this scan are only counted.</p>' if n_more > 0 else ""
    return (
        f'<h2>Sparks</h2><div class="scroll"><table class="sparks"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{more}"
    )
