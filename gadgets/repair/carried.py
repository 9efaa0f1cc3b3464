"""Repairs that travel with the points: what detection has computed, calibration need not compute anew.

Detection repairs what it has found to look for what it hides. Where calibration is asked for the same, it gets the
same. The samples are compared with those that detection saw: anything that changed them on the way makes it compute.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from gadgets.arrays import ComplexArray
from gadgets.kspace import KSpace
from gadgets.records import KnownRepair, Point
from gadgets.repair.refusal import Outcome, is_inside

NOT_TOLD = "the series has no earlier value of this sample"


def carried(
    kspace: KSpace,
    points: Sequence[Point],
    outcomes: Sequence[Outcome],
    series: Sequence[ComplexArray | None] | None = None,
) -> tuple[KnownRepair, ...]:
    """Write down what becomes of points, and what earlier k-spaces say of them, for them to take along."""
    return tuple(
        KnownRepair(
            method=outcome.method,
            recorded=_written(recorded),
            values="" if outcome.values is None else _written(outcome.values),
            series="" if before is None else _written(before),
            refusal=outcome.refusal,
        )
        for recorded, outcome, before in zip(
            samples_at(kspace.data, points), outcomes, series or [None] * len(points), strict=True
        )
    )


def taken(kspace: KSpace, points: Sequence[Point], repairs: Sequence[KnownRepair]) -> list[Outcome] | None:
    """Read what becomes of points; None unless all is known, of the very samples that are there."""
    # All or none: each was predicted with all others withheld, and holds only together with them.
    if len(repairs) != len(points) or not all(is_inside(kspace, point) for point in points):
        return None
    for point, recorded, repair in zip(points, samples_at(kspace.data, points), repairs, strict=True):
        if _written(recorded) != repair.recorded:
            return None
        if repair.method is not None and len(_read(repair.values)) != len(point.receivers_repaired):
            return None
    return [Outcome(each.method, _read(each.values) if each.values else None, each.refusal) for each in repairs]


def told_by_series(kspace: KSpace, points: Sequence[Point], repairs: Sequence[KnownRepair]) -> list[Outcome]:
    """Read what earlier k-spaces say of points; those of which they say nothing stay as they are."""
    if taken(kspace, points, repairs) is None:
        return [Outcome(refusal=NOT_TOLD)] * len(points)
    told = [_read(each.series) for each in repairs]
    return [
        Outcome("series", values) if len(values) == len(point.receivers_repaired) else Outcome(refusal=NOT_TOLD)
        for values, point in zip(told, points, strict=True)
    ]


def samples_at(data: ComplexArray, points: Sequence[Point]) -> list[ComplexArray]:
    """Give the samples of points in their receivers, each of shape ``(receiver,)``.

    Points of the same receivers are looked up together: there may be hundreds.
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, point in enumerate(points):
        alike.setdefault(point.receivers_repaired, []).append(number)
    samples: dict[int, ComplexArray] = {}
    for receivers, numbers in alike.items():
        places = np.array([(points[each].partition, points[each].line, points[each].sample) for each in numbers])
        partition, line, sample = places.T[..., None]
        samples.update(zip(numbers, data[np.array(receivers, np.int_), partition, line, sample], strict=True))
    return [samples[number] for number in range(len(points))]


def _written(samples: ComplexArray) -> str:
    # The bytes themselves: samples are to be the same bit for bit, NaN and signed zeros among them.
    return base64.b64encode(np.asarray(samples, np.complex64).tobytes()).decode("ascii")


def _read(text: str) -> ComplexArray:
    return np.frombuffer(base64.b64decode(text), np.complex64)
