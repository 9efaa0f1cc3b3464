"""The verdict: what happened in a scan, in one sentence."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from gadgets.findings.pattern import Pattern
from gadgets.findings.sparks import Spark
from gadgets.findings.wording import counted
from gadgets.indices import Indices

UNSEEN = 0.1
"""Ripple over the noise of the image below which nobody sees it: 0.25 is faint, 1 is obvious."""


def verdict_of(
    sparks: Sequence[Spark],
    kspaces: Sequence[Indices],
    n_unjudged: int,
    patterns: Sequence[Pattern],
    *,
    is_look: bool = False,
    noun: str = "",
) -> str:
    """Say in one sentence whether there were sparks, how bad, where, and what became of them.

    Parameters
    ----------
    sparks
        Of the whole scan.
    kspaces, n_unjudged
        All k-spaces of the scan, and of how many of them nothing is known.
    patterns
        What the sparks have in common.
    is_look
        Nothing was repaired: told is what a repair would do.
    noun
        What a k-space of this scan is called; found by what tells them apart where nothing is said.
    """
    if not kspaces:
        return "Nothing was judged: there were no imaging data."
    noun = noun or _noun(kspaces)
    unjudged = f"; {n_unjudged} of {counted(len(kspaces), noun)} could not be judged" if n_unjudged else ""
    if not sparks:
        # "No sparks" is said only where somebody has looked.
        if n_unjudged == len(kspaces):
            return f"Nothing is known: no {noun} could be judged."
        return f"No sparks{unjudged}."
    pattern = f"; {patterns[0].brief}" if patterns else ""
    return (
        f"{counted(len(sparks), 'spark')}{_where(sparks, kspaces, noun)}, {_fate(sparks, is_look=is_look)}"
        f"{_how_strong(sparks)}{pattern}{unjudged}."
    )


def is_unseen(sparks: Sequence[Spark]) -> bool:
    """Tell whether sparks are too weak to be seen in any image, also where many of them lie in one."""
    energy: dict[Indices, float] = defaultdict(float)
    for spark in sparks:
        # Their ripples are waves of different directions in one image: their energies add up, not their sizes.
        energy[spark.indices] += spark.strength**2
    # A strength of zero is one that is not known.
    is_known = bool(sparks) and all(spark.strength for spark in sparks)
    return is_known and all(math.sqrt(each) < UNSEEN for each in energy.values())


def _noun(kspaces: Sequence[Indices]) -> str:
    """Name a k-space by what tells it from the others: a slice, or a repetition, where that is enough."""
    if len({indices.slice for indices in kspaces}) == len(kspaces):
        return "slice"
    return "repetition" if len({indices.repetition for indices in kspaces}) == len(kspaces) else "k-space"


def _where(sparks: Sequence[Spark], kspaces: Sequence[Indices], noun: str) -> str:
    if len(kspaces) == 1:
        return ""
    where = f" in {len({spark.indices for spark in sparks})} of {counted(len(kspaces), noun)}"
    repetitions = {indices.repetition for indices in kspaces}
    if noun in ("repetition", "image") or len(repetitions) == 1:
        return where
    return f"{where} ({len({spark.indices.repetition for spark in sparks})} of {len(repetitions)} repetitions)"


def _how_strong(sparks: Sequence[Spark]) -> str:
    strength = max(spark.strength for spark in sparks)
    if not strength:
        return ""
    told = f"strongest {strength:.2g} times the image noise"
    return f", too weak to be seen ({told})" if is_unseen(sparks) else f", {told}"


def _fate(sparks: Sequence[Spark], *, is_look: bool) -> str:
    """Say what became of the sparks, or would become of them."""
    repaired, left = ("can be repaired", "cannot be repaired") if is_look else ("repaired", "left as recorded")
    n_repaired = sum(spark.is_repaired for spark in sparks)
    n_partly = sum(bool(spark.methods) for spark in sparks) - n_repaired
    n_left = len(sparks) - n_repaired - n_partly
    if n_repaired == len(sparks):
        return f"all {repaired}" if len(sparks) > 1 else repaired
    # Without a number, where it is that of all sparks: it has just been told.
    if n_left == len(sparks):
        return left
    counts = {repaired: n_repaired, f"{repaired} in part": n_partly, left: n_left}
    return ", ".join(f"{number} {fate}" for fate, number in counts.items() if number)
