"""Windows: what the value assignment network sees of the k-space around a burst, one for each receiver that it hit.

They hold what is known without the network: the samples as interpolation fills them, how wrong that is at clean
samples, what the partners on the other side of the centre, the image's background and the neighbours say, and what was
recorded: a weak spark leaves a sample nearer to the truth than a bad prediction does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import SupportPrediction
from gadgets.repair.bursts import Burst
from gadgets.repair.candidates import Candidate

WINDOW = (12, 24)
"""Lines and samples around the middle of a burst."""

BURST_LINE = WINDOW[0] // 2
"""Line of a window in which the burst lies."""

WINDOW_SET = "windows-1"
"""Identifier of what a window holds; a model that was trained on another is refused."""

PAIRS = ("filled", "innovation", "partner", "background", "neighbours", "recorded")

MAPS = ("wanted", "missing", "acquired", "error", "background_error", "neighbours_error")

ScalarT = TypeVar("ScalarT", bound=np.generic)

N_CHANNELS = 2 * len(PAIRS) + len(MAPS)


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of one partition without the network.

    Attributes
    ----------
    recorded
        The partition as acquired, shape ``(coil, ky, kx)``.
    support
        The partition with its missing samples filled.
    missing, clean
        Samples that tell nothing, and those that were acquired and do, shape ``(coil, ky, kx)``.
    partners
        What the partners say, zero where there is none, shape ``(coil, ky, kx)``; None where nobody asked them.
    """

    recorded: ComplexArray
    support: SupportPrediction
    missing: BoolArray
    clean: BoolArray
    partners: ComplexArray | None


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows around one burst, one for each receiver that it hit.

    Attributes
    ----------
    values
        Shape ``(receiver, channel, line, sample)``: real and imaginary parts of :data:`PAIRS`, of which the
        last four are differences from the fill, then :data:`MAPS`.
    unit
        The usual error of the fill here, turned to the phase of the strongest sample of the window, shape
        ``(receiver,)``: what the complex channels were divided by.
    here
        Index of the burst's samples in windows: from ``(…, line, sample)`` to ``(…, sample)``.
    """

    values: NDArray[np.float32]
    unit: ComplexArray
    here: tuple[Any, ...]


def windows_of(
    known: Known, burst: Burst, base: Candidate, background: Candidate, neighbours: Candidate | None
) -> Windows:
    """Cut the windows around a burst.

    Parameters
    ----------
    known
        Of the burst's partition.
    base
        The interpolation to be corrected.
    background, neighbours
        The interpolations that it was chosen from; the second only where somebody asked the neighbours.
    """
    anchor = burst.line - WINDOW[0] // 2, (burst.start + burst.stop) // 2 - WINDOW[1] // 2
    here = (..., BURST_LINE, slice(burst.start - anchor[1], burst.stop - anchor[1]))
    rows, support = burst.receivers, known.support
    filled = _cut(support.filled[rows], anchor)
    missing, clean = (_cut(each[rows], anchor) for each in (known.missing, known.clean))
    wanted = np.zeros_like(missing)
    wanted[here] = missing[here]
    # So far the burst has the background's values; the interpolation to be corrected may be the neighbours'.
    filled[wanted] = base.values[missing[here]]
    unit = _unit_of(filled, base.error)
    innovation = np.where(clean, _cut(support.weighted[rows], anchor) / np.float32(support.correlation[0, 0].real), 0)
    partner = np.zeros_like(filled)
    if known.partners is not None:
        opposite = _cut(known.partners[rows], anchor)
        partner = np.where(opposite == 0, 0, opposite - filled)  # zero says that there is no partner
    # Where nobody asked the neighbours, they differ from the fill by nothing.
    others = [background, neighbours or base]
    recorded = known.recorded[rows, burst.line, burst.start : burst.stop]
    # As differences from the fill, because that is what the network corrects.
    told = [_placed(values - base.values, wanted, here) for values in (*(each.values for each in others), recorded)]
    pairs = np.stack([filled, innovation, partner, *told], axis=1) / unit[:, None, None, None]
    # From ``(receiver, pair, part, line, sample)`` to channels: real and imaginary part of a pair lie side by side.
    parts = np.stack([pairs.real, pairs.imag], axis=2).reshape(len(rows), -1, *WINDOW)
    sizes = [np.where(np.isfinite(each.error), each.error, 0) / np.abs(unit)[:, None] for each in (base, *others)]
    maps = np.stack([wanted, missing, clean, *(_placed(size, wanted, here) for size in sizes)], axis=1)
    return Windows(np.concatenate([parts, maps], axis=1).astype(np.float32), unit, here)


def _placed(values: NDArray[ScalarT], wanted: BoolArray, here: tuple[Any, ...]) -> NDArray[ScalarT]:
    """Put values of a burst, ``(receiver, sample)``, where they are wanted in windows that are zero elsewhere."""
    window = np.zeros(wanted.shape, values.dtype)
    window[here] = np.where(wanted[here], values, 0)
    return window


def _unit_of(filled: ComplexArray, error: FloatArray) -> ComplexArray:
    """Usual error times the phase of the strongest sample, shape ``(receiver,)``; never zero."""
    known = np.isfinite(error)
    energy = np.sum(np.where(known, error, 0) ** 2, axis=1) / np.maximum(known.sum(axis=1), 1)
    # A receiver's phase is arbitrary: turned to that of their strongest sample, windows can be compared.
    flat = filled.reshape(len(filled), -1)
    strongest = flat[np.arange(len(flat)), np.argmax(np.abs(flat), axis=1)]
    # Where no error is known, or a receiver is silent, the window's own size has to do.
    level = np.sqrt(np.where(energy > 0, energy, np.mean(np.abs(flat) ** 2, axis=1)))
    return np.asarray(np.where(level > 0, level, 1) * np.exp(1j * np.angle(strongest)), dtype=np.complex64)


def _cut(values: NDArray[ScalarT], anchor: tuple[int, int]) -> NDArray[ScalarT]:
    """Cut a window out of ``(receiver, ky, kx)``; zero outside of the partition."""
    # Windows have one size everywhere, as the model's input has; `acquired` tells zeros beyond the border from samples.
    window = np.zeros((len(values), *WINDOW), values.dtype)
    (top, bottom), (left, right) = (
        (max(first, 0), min(first + size, n)) for first, size, n in zip(anchor, WINDOW, values.shape[1:], strict=True)
    )
    inside = (..., slice(top - anchor[0], bottom - anchor[0]), slice(left - anchor[1], right - anchor[1]))
    window[inside] = values[:, top:bottom, left:right]
    return window
