"""All that was found in one scan, collected k-space by k-space."""

from __future__ import annotations

from collections.abc import Sequence

from gadgets.findings.facts import ScanFacts
from gadgets.findings.pattern import Extent, Pattern
from gadgets.findings.patterns import patterns_in
from gadgets.findings.sparks import Spark, sparks_of
from gadgets.findings.verdict import verdict_of
from gadgets.indices import Indices
from gadgets.records import Calibration, Detection


class Findings:
    """Collects what was found in a scan; holds sparks, and a few numbers of each k-space.

    Parameters
    ----------
    facts
        What the header says.
    is_look
        Nothing is repaired: told is what a repair would do.
    noun
        What a k-space is called; found by what tells them apart where nothing is said.
    """

    def __init__(self, facts: ScanFacts | None = None, *, is_look: bool = False, noun: str = "") -> None:
        self.facts = facts or ScanFacts()
        self._is_look, self._noun = is_look, noun
        self.n_unjudged = 0
        # Counted as they come: asked after each k-space, as they are, sums over all would take ever longer.
        self.n_repaired = 0
        """How many sparks are repaired."""
        self.strongest = 0.0
        """The strongest of them, in units of the image noise; 0 where there is none."""
        self._kspaces: list[Indices] = []
        self._extents: dict[Indices, Extent] = {}
        self._spans: dict[Indices, tuple[int, int]] = {}
        self._sparks: list[Spark] = []

    def add(self, detection: Detection, calibration: Calibration | None = None) -> None:
        """Take what was found in one k-space, and what became of it where that is known."""
        # Behind an image check that stops there no patch is judged, and the k-space is judged all the same.
        is_judged = bool(detection.patches or detection.points) or detection.image_probability is not None
        sparks = sparks_of(detection, calibration)
        extent = Extent(detection.shape, detection.centre)
        self.note(detection.indices, extent, detection.moments, sparks, is_judged=is_judged)

    def note(
        self,
        indices: Indices,
        extent: Extent,
        moments: tuple[int, int],
        sparks: Sequence[Spark],
        *,
        is_judged: bool,
    ) -> None:
        """Take the sparks of one k-space; its extent and moments as in :class:`gadgets.records.Detection`."""
        self._kspaces.append(indices)
        # Echoes that no counter tells apart, or a coil of its own, have the same indices and may differ in size.
        self._extents[indices] = self._extents.get(indices, extent).over(extent)
        # A scanner that counts no time leaves its time stamps zero.
        if any(moments):
            # Echoes that no counter tells apart have the same indices: their time is that of all of them.
            first, last = self._spans.get(indices, moments)
            self._spans[indices] = min(first, moments[0]), max(last, moments[1])
        self.n_unjudged += not is_judged
        self._sparks += sparks
        self.n_repaired += sum(spark.is_repaired for spark in sparks)
        self.strongest = max((self.strongest, *(spark.strength for spark in sparks)))

    @property
    def n_kspaces(self) -> int:
        """Number of k-spaces so far."""
        return len(self._kspaces)

    @property
    def n_sparks(self) -> int:
        """Number of sparks so far."""
        return len(self._sparks)

    @property
    def moments(self) -> tuple[int, int]:
        """First and last time stamp of the imaging data so far; zeros where none is known."""
        first, last = zip(*self._spans.values(), strict=True) if self._spans else ((0,), (0,))
        return min(first), max(last)

    @property
    def sparks(self) -> tuple[Spark, ...]:
        """All sparks so far in the order of the k-spaces, with their time in the scan."""
        # Only when asked: the first moment is known once all k-spaces are there, and they need not come in its order.
        start, _ = self.moments
        return tuple(
            spark.model_copy(
                update={
                    "seconds": self.facts.seconds_between(start, spark.time_stamp),
                    "clock": self.facts.clock_of(spark.time_stamp),
                }
            )
            for spark in self._sparks
        )

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """What the sparks have in common."""
        return patterns_in(self._sparks, self.facts, self._extents, self._spans)

    @property
    def verdict(self) -> str:
        """What happened, in one sentence."""
        return verdict_of(
            self._sparks, self._kspaces, self.n_unjudged, self.patterns, is_look=self._is_look, noun=self._noun
        )
