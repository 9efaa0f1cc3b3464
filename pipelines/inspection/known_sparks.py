"""A detector that finds what is known already, so that a scan can be looked at again without a search."""

from __future__ import annotations

from collections import Counter

from gadgets.indices import Indices
from gadgets.kspace import KSpace
from gadgets.records import Detection, Point
from pipelines.replay import ScanReport


class KnownSparks:
    """Finds the sparks of a report: those of the n-th k-space with certain indices in the n-th one.

    Parameters
    ----------
    report
        Of the scan that is looked at.
    """

    provider = ""
    models = ()

    def __init__(self, report: ScanReport) -> None:
        self._kspaces = report.k_spaces
        self._seen: Counter[Indices] = Counter()

    def detect(self, kspace: KSpace) -> Detection:
        """Give the points of the sparks that are known of a k-space."""
        same = [each for each in self._kspaces if each.indices == kspace.indices]
        # Echoes that no counter tells apart share their indices: their order tells them apart.
        number = self._seen[kspace.indices]
        self._seen[kspace.indices] += 1
        if number >= len(same):
            return Detection(indices=kspace.indices)
        points = tuple(
            Point(
                partition=spark.partition,
                line=spark.line,
                sample=sample,
                receivers=spark.receivers,
                over_noise=spark.over_noise,
                receivers_repaired=spark.receivers_repaired,
                probability=spark.probability,
                scan_counter=spark.scan_counter,
                time_stamp=spark.time_stamp,
            )
            for spark in same[number].sparks
            for sample in spark.samples
        )
        return Detection(indices=kspace.indices, patches=same[number].patches, points=points)
