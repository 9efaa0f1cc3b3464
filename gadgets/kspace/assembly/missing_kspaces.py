"""What a whole scan lacks: slices, repetitions … that others have or the MRD header announces, and that never came."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from gadgets.indices import COUNTERS, Indices, describe
from gadgets.kspace.assembly.claims import LARGEST_COUNTER
from gadgets.kspace.readout import Encoding

MOST_NAMED = 3
"""Volumes and repetitions that a message names; there may be thousands."""


class SeenKSpaces:
    """Notes which k-spaces came.

    A *volume* is what differs in slices alone: one repetition, contrast, phase, set and average.

    Parameters
    ----------
    encodings
        Those of the MRD header. Where one announces nothing (``last`` is None) only a part of the scan may come here,
        and nothing is said of what lacks.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._encodings = tuple(encodings)
        self._slices: defaultdict[int, defaultdict[Indices, set[int]]] = defaultdict(lambda: defaultdict(set))

    def note(self, indices: Indices) -> None:
        """Note one k-space."""
        # The encoding is the key above, and slices are what a volume consists of.
        volume = indices.model_copy(update={"encoding": 0, "slice": 0})
        self._slices[indices.encoding][volume].add(indices.slice)

    def log(self, logger: logging.Logger, node: str) -> None:
        """Say, once the stream has ended, what lacks: a warning, or information where it is not even a surprise."""
        if warning := self.warning():
            logger.warning("%s: %s", node, warning)
        if information := self.information():
            logger.info("%s: %s", node, information)

    def warning(self) -> str:
        """Say what never came although others have it, or the header announces it; empty where all of it did.

        Encodings of which nothing came are not expected: many headers describe more than one scan uses.
        """
        return "; ".join(
            text
            for number, slices in sorted(self._slices.items())
            if self._encodings[number].last is not None
            for text in (*self._never_began(number, repetitions=False), *_lacking(slices))
        )

    def information(self) -> str:
        """Say which repetitions never began: a scan that was ended early, or a header that counts generously."""
        return "; ".join(
            text for number in sorted(self._slices) for text in self._never_began(number, repetitions=True)
        )

    def _never_began(self, number: int, *, repetitions: bool) -> list[str]:
        last = self._encodings[number].last
        if last is None:
            return []
        volumes = self._slices[number]
        seen = {name: {getattr(volume, name) for volume in volumes} for name in COUNTERS}
        # A volume knows of no slice: its slices are noted beside it.
        seen["slice"] = set().union(*volumes.values())
        # No counter goes beyond the largest, whatever the header says: a wrong one would ask for a set of millions.
        announced = {name: set(range(min(getattr(last, name), LARGEST_COUNTER) + 1)) for name in seen}
        missing = [
            f"{name} {_ranges(announced[name] - seen[name])}"
            for name in COUNTERS
            # As many as announced are enough: some count from 1.
            if (name == "repetition") is repetitions and len(seen[name]) < len(announced[name])
        ]
        if not missing:
            return []
        named = f"{', '.join(missing)} of encoding {number}"
        return [f"{named}, which the header announces, never {'began' if repetitions else 'came'}"]


def announced_kspaces(encodings: Sequence[Encoding]) -> int | None:
    """Count the k-spaces that the header speaks of; None where only a part of the scan may come here."""
    # All or nothing: a sum over some of the encodings would be taken for the whole.
    known = [encoding.last for encoding in encodings if encoding.last is not None]
    if len(known) < len(encodings):
        return None
    counts: list[int] = [math.prod(getattr(last, name) + 1 for name in COUNTERS) for last in known]
    return sum(counts)


def _lacking(slices: dict[Indices, set[int]]) -> list[str]:
    """Say which volumes are shorter than others, and which repetitions lack a volume that others have."""
    # Volumes are compared with each other, not with the header, which `_never_began` does: it may announce too much.
    every_slice = set().union(*slices.values())
    texts = [
        f"slice {_ranges(every_slice - own)} never came in {_volume(volume)}"
        for volume, own in _in_order(slices)
        if own != every_slice
    ]
    repetitions: dict[int, set[Indices]] = defaultdict(set)
    for volume in slices:
        # As if of the first repetition, so that volumes of different repetitions can be compared.
        repetitions[volume.repetition].add(volume.model_copy(update={"repetition": 0}))
    every_volume = set().union(*repetitions.values())
    texts += [
        f"repetition {repetition} lacks {', '.join(_volume(volume) for volume, _ in _in_order(lack)[:MOST_NAMED])}"
        for repetition, own in sorted(repetitions.items())
        if (lack := dict.fromkeys(every_volume - own))
    ]
    if len(texts) > MOST_NAMED:
        texts = [*texts[:MOST_NAMED], f"{len(texts) - MOST_NAMED} more of this kind"]
    return [f"{', '.join(texts)}, though others have it"] if texts else []


def _in_order(volumes: dict[Indices, set[int]] | dict[Indices, None]) -> list[tuple[Indices, set[int]]]:
    return sorted(volumes.items(), key=lambda item: tuple(item[0].model_dump().values()))  # type: ignore[arg-type]


def _volume(volume: Indices) -> str:
    return describe(volume) if volume != Indices() else "the first volume"


def _ranges(numbers: Iterable[int]) -> str:
    """Name numbers as in ``1 to 3, 7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
