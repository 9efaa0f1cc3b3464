"""The counters that tell which k-space of a scan this is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Indices(BaseModel):
    """Which k-space of the scan this is: the counters that all its readouts share."""

    # Frozen and so hashable: k-spaces are collected by these, and readouts of one k-space share one object.
    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: int = 0
    slice: int = 0
    contrast: int = 0
    phase: int = 0
    repetition: int = 0
    set: int = 0
    average: int = 0


COUNTERS = tuple(name for name in Indices.model_fields if name != "encoding")
"""In which the k-spaces of one encoding differ: the slice, then those in which the k-spaces of one slice do."""


def describe(indices: Indices) -> str:
    """Name a k-space in a message by those of its counters that are not 0."""
    counters = [f"{name} {value}" for name, value in indices.model_dump().items() if value]
    return ", ".join(counters) or "first k-space"
