"""Stand-ins of the detector: the same shape, results known beforehand."""

from __future__ import annotations

import numpy as np

from gadgets.kspace.kspace import KSpace
from gadgets.records import Detection, Point


def point(kspace: KSpace, partition: int, line: int, sample: int) -> Point:
    return Point(
        partition=partition,
        line=line,
        sample=sample,
        receivers=tuple(range(kspace.n_coils)),
        probability=0.9,
        scan_counter=int(kspace.scan_counter[partition, line]),
        time_stamp=int(kspace.time_stamp[partition, line]),
    )


class FindsGiven:
    """Finds points at the same places of every k-space, where these were sampled."""

    provider = "CPUExecutionProvider"
    models = ()

    def __init__(self, *places: tuple[int, int, int]) -> None:
        self.places = places
        self.seen: list[KSpace] = []

    def detect(self, kspace: KSpace) -> Detection:
        self.seen.append(kspace)
        inside = [
            place for place in self.places if np.less(place, kspace.sampled.shape).all() and kspace.sampled[place]
        ]
        points = tuple(point(kspace, *place) for place in inside)
        return Detection(indices=kspace.indices, patches=1, points=points, provider=self.provider, seconds=0.1)


class FindsLarge:
    """Finds samples above a magnitude, in any receiver."""

    provider = "CPUExecutionProvider"
    models = ()

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def detect(self, kspace: KSpace) -> Detection:
        places = np.argwhere((np.abs(kspace.data).max(axis=0) > self.threshold) & kspace.sampled)
        points = tuple(point(kspace, *map(int, place)) for place in places)
        return Detection(indices=kspace.indices, patches=1, points=points, provider=self.provider)


class Breaks:
    """Fails on every k-space, as a lost GPU does."""

    provider = "CUDAExecutionProvider"
    models = ()

    def detect(self, kspace: KSpace) -> Detection:
        raise RuntimeError(f"the device is gone, {kspace.n_coils} receivers waiting")
