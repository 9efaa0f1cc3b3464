"""Sparks put into k-spaces, the points that flag them, and what was found and repaired of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gadgets.calibration import calibrate
from gadgets.records import Point
from gadgets.settings.definitions import CalibrationSettings

OUTER_SPARKS = {(0, 10, 50): None, (0, 40, 20): (2,), (0, 60, 70): None}
"""Places and the receivers hit; None: all."""
SPARKS = {**OUTER_SPARKS, (0, 34, 44): None}
"""One more, near the centre."""
CROWD_SHAPE = (64, 80)
CROWD = [(30, 41), (30, 42), (30, 43), (31, 37), (31, 38), (32, 44), (33, 43), (34, 40), (34, 41), (35, 38)]
"""Lines and samples near the centre of a plane of that shape."""


def with_sparks(kspace, sparks=SPARKS, amplitude=150.0, seed=5):
    """Add sparks of one amplitude and any phase, at places and in receivers as in ``SPARKS``."""
    rng = np.random.default_rng(seed)
    data = kspace.data.copy()
    for (partition, line, sample), receivers in sparks.items():
        hit = list(range(kspace.n_coils)) if receivers is None else list(receivers)
        data[hit, partition, line, sample] += amplitude * np.exp(2j * np.pi * rng.random(len(hit))).astype(np.complex64)
    return replace(kspace, data=data)


def places(detection):
    return {point.place for point in detection.points}


def flag(kspace, line, samples, receivers=None, partition=0):
    """Points as a detector gives them: samples of one readout, in all receivers where none are named."""
    receivers = tuple(range(kspace.n_coils)) if receivers is None else receivers
    return [
        Point(partition=partition, line=line, sample=sample, receivers=receivers, probability=1, scan_counter=line + 1,
              time_stamp=0)
        for sample in samples
    ]  # fmt: skip


def with_spark_at(kspace, points, amplitude=120.0, seed=3):
    """Add a spark where points flag one."""
    rng = np.random.default_rng(seed)
    data = kspace.data.copy()
    for point in points:
        for receiver in point.receivers:
            data[receiver, point.partition, point.line, point.sample] += amplitude * np.exp(2j * np.pi * rng.random())
    return replace(kspace, data=data)


def repaired(kspace, detection):
    """Data after the calibration of what was detected, and its record."""
    data, record = calibrate(
        kspace, detection.points, CalibrationSettings(on_failure="fail"), patches=detection.target_patches
    )
    return (kspace.data if data is None else data), record


def changed_places(before, after):
    return {tuple(map(int, place)) for place in np.argwhere((before.data != after).any(axis=0))}


def around_the_centre(reach=6):
    """Places of a plane of ``CROWD_SHAPE`` about its centre, without the peak itself."""
    lines, samples = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    places = np.stack([lines.ravel() + CROWD_SHAPE[0] // 2, samples.ravel() + CROWD_SHAPE[1] // 2], axis=1)
    is_peak = np.abs(places - np.array(CROWD_SHAPE) // 2).max(axis=1) <= 1
    return places[~is_peak]
