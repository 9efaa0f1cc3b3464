"""Sparks: what was found at one moment, and what became of it.

Detection and repair speak of points, single samples. A spark is a burst of a few microseconds: all points of one
readout are one spark, whatever number of samples and receivers it was recorded in.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gadgets.indices import Indices
from gadgets.records import Calibration, Detection, Point, Record, RepairedPoint, RepairMethod


class Spark(Record):
    """One spark.

    ``receivers`` are those that it hit, numbered from 0, the strongest first. ``over_noise`` and ``rnr`` belong to
    them: how far its largest sample stands above the receiver's noise, and its ripple in the image. A ripple of 1 is as
    strong as the noise of the image. ``receivers_repaired`` are those that were or would be repaired. ``radius`` is the
    distance from the centre of k-space, 1 at the border. ``seconds`` since the start of the scan and the time of day
    ``clock`` are there only where the length of a tick is known. ``methods`` and ``refusals`` say what became of its
    points. ``error_before`` and ``error_after`` are what it adds to the image, before and after, as estimated and in
    units of the noise of the image; the second is None where nobody knows.
    """

    indices: Indices
    partition: int
    line: int
    samples: tuple[int, ...]
    radius: float
    scan_counter: int
    time_stamp: int
    seconds: float | None = None
    clock: str = ""
    receivers: tuple[int, ...]
    over_noise: tuple[float, ...] = ()
    rnr: tuple[float, ...] = ()
    receivers_repaired: tuple[int, ...]
    probability: float
    methods: tuple[RepairMethod, ...] = ()
    refusals: tuple[str, ...] = ()
    error_before: float = 0.0
    error_after: float | None = None

    @property
    def strength(self) -> float:
        """Ripple in the image of the receiver that was hit hardest; 0 where it is not known."""
        return self.rnr[0] if self.rnr else 0.0

    @property
    def is_repaired(self) -> bool:
        """Whether all of its points were repaired."""
        return bool(self.methods) and not self.refusals


def sparks_of(detection: Detection, calibration: Calibration | None = None) -> tuple[Spark, ...]:
    """Join the points of each readout of a k-space into sparks, in the order of acquisition.

    Parameters
    ----------
    detection
        What was found.
    calibration
        What became of it; None where nothing was repaired, or nobody knows.
    """
    outcomes = {_place(each.point): each for each in (calibration.points if calibration is not None else ())}
    readouts: dict[tuple[int, int], list[Point]] = defaultdict(list)
    for point in detection.points:
        readouts[point.partition, point.line].append(point)
    sparks = [_spark(points, outcomes, detection) for points in readouts.values()]
    # By place where a scanner counts no readouts, and all counters are zero.
    return tuple(sorted(sparks, key=lambda spark: (spark.scan_counter, spark.partition, spark.line)))


def strongest_first(sparks: Iterable[Spark]) -> tuple[int, ...]:
    """Name the receivers that were hit, by the strongest ripple that one of the sparks left there."""
    ripples: dict[int, float] = {}
    for spark in sparks:
        for receiver, rnr in zip(spark.receivers, spark.rnr or (0.0,) * len(spark.receivers), strict=True):
            ripples[receiver] = max(rnr, ripples.get(receiver, 0.0))
    return tuple(sorted(ripples, key=lambda receiver: -ripples[receiver]))


def image_errors(sparks: Sequence[Spark]) -> tuple[float, float | None]:
    """Estimate the error of the images that were hit, before and after the repair, in units of their noise.

    Returns
    -------
    tuple
        Root mean square over the images; the second is None where nobody knows what became of the sparks.
    """
    # The errors of different samples are orthogonal in the image (Parseval), so that their energies add up.
    n_images = max(len({spark.indices for spark in sparks}), 1)
    before = math.hypot(*(spark.error_before for spark in sparks)) / math.sqrt(n_images)
    left = [spark.error_after for spark in sparks if spark.error_after is not None]
    return before, math.hypot(*left) / math.sqrt(n_images) if len(left) == len(sparks) else None


def _spark(
    points: Sequence[Point], outcomes: Mapping[tuple[int, int, int], RepairedPoint], detection: Detection
) -> Spark:
    first = points[0]
    known = [outcomes[_place(point)] for point in points if _place(point) in outcomes]
    power = _power_by_receiver(points)
    receivers = sorted(power, key=lambda receiver: -power[receiver])
    over_noise = np.sqrt([power[receiver] for receiver in receivers])
    # A record may come without the size of its k-space, as from a detector that judged nothing.
    n_coils, n_samples = max(detection.shape[0], 1), max(detection.acquired, 1)
    # The mean over all pixels of all receivers, as if they were joined without weights.
    before = sum(power.values()) / (n_coils * n_samples)
    return Spark(
        indices=detection.indices,
        partition=first.partition,
        line=first.line,
        samples=tuple(sorted(point.sample for point in points)),
        radius=_radius(points, detection),
        scan_counter=first.scan_counter,
        time_stamp=first.time_stamp,
        receivers=tuple(receivers),
        over_noise=tuple(max(each) for each in _strengths(points, receivers)),
        # An orthonormal transform spreads the samples' energy over all pixels.
        rnr=tuple(float(each) for each in over_noise / np.sqrt(n_samples)),
        receivers_repaired=tuple(sorted({receiver for point in points for receiver in point.receivers_repaired})),
        probability=max(point.probability for point in points),
        methods=tuple(sorted({each.method for each in known if each.method is not None})),
        refusals=tuple(sorted({each.refusal for each in known if each.method is None})),
        error_before=float(np.sqrt(before)),
        # Of some of its points alone it would be too small.
        error_after=_error_after(known, n_coils * n_samples) if len(known) == len(points) else None,
    )


def _power_by_receiver(points: Sequence[Point]) -> dict[int, float]:
    """Add up over the samples how far a receiver was above its noise, squared."""
    power: dict[int, float] = defaultdict(float)
    for point in points:
        for receiver, strength in zip(point.receivers, point.over_noise or (0.0,) * len(point.receivers), strict=True):
            # Energies: samples of a burst add different waves to the image, of which none cancels another on the whole.
            power[receiver] += strength**2
    return power


def _strengths(points: Sequence[Point], receivers: Sequence[int]) -> list[list[float]]:
    """Give for each receiver the strengths of its samples; 0 where they are not known."""
    # Not strict: strengths are left out where nobody has measured them.
    by_receiver = [dict(zip(point.receivers, point.over_noise, strict=False)) for point in points]
    return [[known.get(receiver, 0.0) for known in by_receiver] for receiver in receivers]


def _error_after(outcomes: Sequence[RepairedPoint], n_values: int) -> float:
    """Estimate what is left: the expected error where a sample was repaired, the spark itself elsewhere."""
    left = sum(
        # What is left as recorded leaves the whole spark.
        each.point.error_left**2 if each.method is not None else sum(np.square(each.point.over_noise))
        for each in outcomes
    )
    return float(np.sqrt(left / n_values))


def _radius(points: Sequence[Point], detection: Detection) -> float:
    """Give the distance of the middle sample from the centre of k-space, 1 at the further border of each axis."""
    middle = points[len(points) // 2]
    # At least 1: an axis may have a single place.
    squares = [
        ((index - centre) / max(centre, n - 1 - centre, 1)) ** 2
        for index, centre, n in zip(middle.place, detection.centre, detection.shape[1:], strict=True)
    ]
    return float(np.sqrt(sum(squares)))


def _place(point: Point) -> tuple[int, int, int]:
    return point.partition, point.line, point.sample
