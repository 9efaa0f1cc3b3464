"""Wording: how numbers, receivers, times and texts are told, the same in every output."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from gadgets.indices import Indices


def named_receivers(receivers: Sequence[int], coils: Sequence[str], most: int = 6) -> str:
    """Name some receivers as a person finds them: ``receivers 3 (HEA;HE1) and 7 (HEA;HE3)``."""
    shown = [_numbered(receiver, coils) for receiver in receivers[:most]]
    more = [f"{len(receivers) - most} more"] if len(receivers) > most else []
    return f"receiver{'s' * (len(receivers) != 1)} {list_of([*shown, *more])}"


def list_of(words: Sequence[str]) -> str:
    """Join words as in a sentence."""
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last


def shortened(name: str, most: int) -> str:
    """Give a name of at most so many characters: of a long one the beginning and the end, where such names differ."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[len(name) - end :]}"


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 spark``, ``2 sparks``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def short_receivers(receivers: Sequence[int], n_coils: int, coils: Sequence[str], most: int = 2) -> str:
    """Name receivers where there is little room: ``#3 (HEA;HE4), #7 (HEA;HE8)``, ``9 of 16`` or ``all 16``.

    Parameters
    ----------
    receivers
        Those that are meant, by their numbers from 0.
    n_coils, coils
        How many the scan has, 0 where nobody knows; and the names of them that are known.
    most
        So many are named one by one.
    """
    if len(receivers) == n_coils > 1:
        return f"all {n_coils}"
    if len(receivers) > most:
        return f"{len(receivers)} of {n_coils}" if n_coils else f"{len(receivers)} receivers"
    return ", ".join(f"#{_numbered(receiver, coils)}" for receiver in receivers)


def _numbered(receiver: int, coils: Sequence[str]) -> str:
    # Headers name fewer coils than there are receivers, or leave some of them out.
    return f"{receiver} ({coils[receiver]})" if receiver < len(coils) and coils[receiver] else str(receiver)


def place_of(indices: Indices) -> str:
    """Name a k-space by the counters that are not zero; the slice is always told."""
    others = {name: value for name, value in indices.model_dump().items() if value and name != "slice"}
    return ", ".join([f"slice {indices.slice}", *(f"{name} {value}" for name, value in others.items())])


def ranges_of(numbers: Iterable[int]) -> str:
    """Write 5, 0, 1, 2 as ``0-2, 5``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def lasting(seconds: float) -> str:
    """Tell a time: ``12 ms`` below a second, ``1.25 s`` from there on."""
    # Half a millisecond below the second: what rounds to 1000 ms is told as 1.00 s.
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"


KIND_LENGTH = 60
"""Of a text without its numbers: places that it lists at its end do not count."""


def kind_of(text: str) -> str:
    """Give what texts have in common that say the same of different places: their beginning, without numbers."""
    return re.sub(r"\d+(\.\d+)?", "", text)[:KIND_LENGTH]


def by_kind(counts: Counter[str]) -> list[tuple[str, int]]:
    """Join texts that say the same of different places, the most frequent first; one stands for all of its kind."""
    kinds: dict[str, list[tuple[str, int]]] = {}
    for text, count in counts.most_common():
        kinds.setdefault(kind_of(text), []).append((text, count))
    joined = [
        (texts[0][0] + (" and alike" if len(texts) > 1 else ""), sum(count for _, count in texts))
        for texts in kinds.values()
    ]
    return sorted(joined, key=lambda entry: -entry[1])
