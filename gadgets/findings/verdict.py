"""The verdict: what happened in a scan, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from gadgets.findings.facts import counted
from gadgets.findings.pattern import Pattern
from gadgets.findings.sparks import Spark


def verdict_of(sparks: Sequence[Spark], n_kspaces: int, n_unjudged: int, noun: str, patterns: Sequence[Pattern]) -> str:
    """Say in one sentence whether there were sparks, how bad, where, and what became of them.

    Parameters
    ----------
    sparks
        Of the whole scan.
    n_kspaces, n_unjudged
        How many k-spaces it has, and how many of them nothing is known of.
    noun
        What a k-space of this scan is called: ``slice`` where they differ by nothing else.
    patterns
        What the sparks have in common.
    """
    if not n_kspaces:
        return "Nothing was judged: there were no imaging data."
    unjudged = f"; {n_unjudged} of {counted(n_kspaces, noun)} could not be judged" if n_unjudged else ""
    if not sparks:
        if n_unjudged == n_kspaces:
            return f"Nothing is known: no {noun} could be judged."
        return f"No sparks{unjudged}."
    n_hit = len({spark.indices for spark in sparks})
    where = f" in {n_hit} of {counted(n_kspaces, noun)}" if n_kspaces > 1 else ""
    strength = max(spark.strength for spark in sparks)
    how_strong = f", strongest {strength:.2g} times the image noise" if strength else ""
    pattern = f"; {patterns[0].brief}" if patterns else ""
    return f"{counted(len(sparks), 'spark')}{where}, {_fate(sparks)}{how_strong}{pattern}{unjudged}."


def _fate(sparks: Sequence[Spark]) -> str:
    """Say what became of the sparks."""
    n_repaired = sum(spark.is_repaired for spark in sparks)
    n_partly = sum(bool(spark.methods) for spark in sparks) - n_repaired
    if n_repaired == len(sparks):
        return "all repaired" if len(sparks) > 1 else "repaired"
    parts = [f"{n_repaired} repaired"] if n_repaired else []
    parts += [f"{n_partly} repaired in part"] if n_partly else []
    n_left = len(sparks) - n_repaired - n_partly
    parts += [f"{n_left} left as recorded" if parts else "left as recorded"] if n_left else []
    return ", ".join(parts)
