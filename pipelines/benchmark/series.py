"""Series that never were: a recorded k-space acquired again and again, as scanners and patients change it.

Not the simulator that models are trained with: those never see a series. The noise of the recording stays the same in
all k-spaces, as a part of the image; noise as strong is added anew to each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from scipy.ndimage import gaussian_filter, rotate, zoom

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.image import centred_fft, centred_inverse_fft
from gadgets.kspace import KSpace
from pipelines.benchmark.readouts import noise_sigma

Kind = Literal["repetitions", "diffusion", "inversion"]
Change = Literal["none", "inflow", "swallowing", "table", "shim", "dummies"]
SERIES_KINDS: Mapping[str, tuple[Kind, Change]] = {
    "repetitions": ("repetitions", "none"),
    "diffusion": ("diffusion", "none"),
    "inversion": ("inversion", "none"),
    **{change: ("repetitions", change) for change in get_args(Change)[1:]},
}
"""What a series may be made of: a kind alone, or repetitions in the middle of which something changes."""

FIELD_OF_VIEW = 220.0
"""Millimetres that the lines of a k-space are taken to cover."""

DRIFT = (0.002, 0.02)  # of gain, from one k-space to the next
PHASE = 0.5  # radians at most
MOTION = 0.5  # millimetres at most
BREATHING = 0.15  # radians at most, up and down over the readouts of one k-space
ACTIVATION = (0.01, 0.05)  # of the signal in a part of the image, in every second k-space
PLANE = (-2, -1)


def simulate_series(
    clean: KSpace, rng: np.random.Generator, n_kspaces: int, kind: Kind = "repetitions", change: Change = "none"
) -> list[KSpace]:
    """Acquire a k-space again and again.

    Parameters
    ----------
    clean
        The first of the series but for noise, fully sampled.
    rng
        Of all draws.
    n_kspaces
        How many there are to be.
    kind
        What makes them differ: mere repetition, a diffusion weighting or an inversion time for each.
    change
        What happens in the middle of the series, beside drifts, breathing, motion and activation.

    Returns
    -------
        The k-spaces; their repetition, or contrast, counts up.
    """
    image: ComplexArray = centred_inverse_fft(clean.data.astype(np.complex128), PLANE)
    drifts = _Drifts(rng, image)
    sigma = noise_sigma(clean)
    # As a scanner counts them: another weighting or inversion time is another contrast.
    counter = "repetition" if kind == "repetitions" else "contrast"
    series = []
    for number in range(n_kspaces):
        seen = image * _CONTRASTS[kind](rng, drifts, number) if kind in _CONTRASTS else image
        is_late = number >= n_kspaces // 2
        if is_late and change in _CHANGES:
            seen = _CHANGES[change](rng, drifts, seen)
        elif change == "dummies" and not is_late:
            seen = seen * (1.6 - 0.5 * drifts.tissue)  # not yet saturated, each tissue by as much as it will be
        data = drifts.acquire(rng, seen, number)
        # Real and imaginary part have half of the variance each, so that their sum has sigma^2.
        noise: ComplexArray = rng.normal(size=data.shape) + 1j * rng.normal(size=data.shape)
        noisy = np.where(clean.sampled, data + sigma * noise / np.sqrt(2), 0).astype(np.complex64)
        indices = clean.indices.model_copy(update={counter: number})
        series.append(replace(clean, data=noisy, indices=indices))
    return series


class _Drifts:
    """What changes slowly, drawn once for a series."""

    def __init__(self, rng: np.random.Generator, image: ComplexArray) -> None:
        shape = image.shape[-2:]
        magnitude = np.sqrt(np.sum(np.abs(image) ** 2, axis=(0, 1)))
        self.tissue = gaussian_filter(magnitude / magnitude.max(), 1)
        self.y, self.x = ((np.arange(n) - n // 2) / n for n in shape)
        self.shape = shape
        self._drift = float(rng.uniform(*DRIFT) * rng.choice([-1, 1]))
        self._gain, self._phase, self._breath = (smooth_field(rng, shape) for _ in range(3))
        self._radians, self._breathing = rng.uniform(0, PHASE), rng.uniform(0, BREATHING)
        self._pixels = rng.uniform(0, MOTION) * shape[0] / FIELD_OF_VIEW
        self._rate, self._slope = rng.uniform(0.02, 0.3), rng.normal(0, 0.01)
        self._active = rng.uniform(*ACTIVATION) * self.spot(rng, 0.15)

    def spot(self, rng: np.random.Generator, reach: float) -> FloatArray:
        """Give a part of the image, shape ``(y, x)``, between 0 and 1, at most `reach` away from its middle."""
        at, size = rng.uniform(-reach, reach, 2), rng.uniform(0.02, 0.06)
        return np.asarray(np.exp(-((self.y[:, None] - at[0]) ** 2 + (self.x - at[1]) ** 2) / (2 * size**2)))

    def acquire(self, rng: np.random.Generator, image: ComplexArray, number: int) -> ComplexArray:
        """Give the k-space of an image, with the drifts of its number in the series."""
        phase = self._radians * rng.uniform(-1, 1) * (0.6 + 0.4 * self._phase)
        image = image * (1 + self._drift * number * (0.6 + 0.4 * self._gain)) * np.exp(1j * phase)
        image = image * (1 + self._active * (number % 2))
        # The first is the recording itself, which is not interpolated for nothing.
        if number:
            image = turned(image, float(0.3 * self._pixels * rng.normal()))
        shift = self._pixels * rng.normal(size=2) / np.sqrt(2)
        breath = self._breathing * np.sin(2 * np.pi * (self._rate * np.arange(self.shape[0]) + rng.random()))
        # Breathing turns the phase while the lines are read: the first term of its series, so that two transforms do
        # for all lines.
        data = centred_fft(image, PLANE) + breath[:, None] * centred_fft(1j * image * self._breath, PLANE)
        return np.asarray(shifted(data, *shift) * (1 + self._slope * number * self.y[:, None]))


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Draw a smooth field over an image, between -1 and 1."""
    # Nine numbers over the whole image: fields of shims, bodies and receivers change slowly over it.
    coarse = rng.normal(size=(3, 3))
    field = zoom(coarse, (shape[0] / 3, shape[1] / 3), order=3, mode="nearest", grid_mode=True)
    return np.asarray(field / np.abs(field).max())


def shifted(data: ComplexArray, lines: FloatArray | float, samples: FloatArray | float) -> ComplexArray:
    """Move the object by pixels, each readout by its own where arrays ``(line, 1)`` are given."""
    y, x = (np.arange(n) - n // 2 for n in data.shape[-2:])
    # A shift of the image is a linear phase in k-space: no interpolation, and parts of a pixel are possible.
    return np.asarray(data * np.exp(-2j * np.pi * (lines * y[:, None] / y.size + samples * x / x.size)))


def away_for_a_while(n_lines: int, rng: np.random.Generator) -> BoolArray:
    """Mark readouts that follow each other, during which something lies elsewhere, shape ``(line, 1)``."""
    lines = np.arange(n_lines)[:, None]
    return np.asarray((lines > rng.uniform(0, 0.6) * n_lines) & (lines < rng.uniform(0.6, 1) * n_lines))


def with_front_moved(image: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    """Move the front of the object by some pixels, as where somebody swallows."""
    is_front = np.arange(image.shape[-2])[:, None] < image.shape[-2] // 2
    return np.where(is_front, np.roll(image, int(rng.integers(1, 4)), axis=-2), image)


def turned(image: ComplexArray, degrees: float) -> ComplexArray:
    """Turn an image about its middle."""
    # Real and imaginary part by themselves: magnitude and phase would not be smooth where the phase wraps.
    parts = (rotate(part, degrees, axes=PLANE, reshape=False, order=3) for part in (image.real, image.imag))
    return np.asarray(next(parts) + 1j * next(parts))


def _diffusion(rng: np.random.Generator, drifts: _Drifts, number: int) -> ComplexArray:
    """Weight by a direction of its own; motion while the gradients are on turns the phase."""
    weighting = rng.uniform(0.2, 1.5) if number else 0.0
    phase = rng.normal(0, 1.5) + rng.normal(0, 2) * drifts.x + rng.normal(0, 2) * drifts.y[:, None]
    phase = phase + 0.4 * smooth_field(rng, drifts.shape)
    return np.asarray(np.exp(-weighting * (0.5 + drifts.tissue) + 1j * phase))


def _inversion(rng: np.random.Generator, drifts: _Drifts, _number: int) -> ComplexArray:
    time = 10 ** rng.uniform(-1.5, 0.6)
    return np.asarray(1 - 2 * np.exp(-time / (0.4 + 1.2 * drifts.tissue)), np.complex128)


def _inflow(rng: np.random.Generator, drifts: _Drifts, image: ComplexArray) -> ComplexArray:
    """Let contrast agent flow into vessels."""
    return image * (1 + sum(rng.uniform(0.5, 3) * drifts.spot(rng, 0.3) for _ in range(4)))


def _swallowing(rng: np.random.Generator, drifts: _Drifts, image: ComplexArray) -> ComplexArray:
    """Move the front of the object by some millimetres while part of the lines are acquired."""
    away = away_for_a_while(drifts.shape[0], rng)
    elsewhere = centred_fft(with_front_moved(image, rng), PLANE)
    return centred_inverse_fft(np.where(away, elsewhere, centred_fft(image, PLANE)), PLANE)


def _table(rng: np.random.Generator, drifts: _Drifts, image: ComplexArray) -> ComplexArray:
    """Move the table: the object lies elsewhere, and other parts of it are seen."""
    return np.roll(image, tuple(int(each) for each in rng.integers(-8, 9, 2)), PLANE) * (0.7 + 0.6 * drifts.tissue)


def _shim(rng: np.random.Generator, drifts: _Drifts, image: ComplexArray) -> ComplexArray:
    """Set a new shim: another phase over the image, and another frequency."""
    return np.asarray(image * np.exp(1j * rng.uniform(1, 6) * smooth_field(rng, drifts.shape)))


_CONTRASTS: Mapping[str, Callable[[np.random.Generator, _Drifts, int], ComplexArray]] = {
    "diffusion": _diffusion,
    "inversion": _inversion,
}
_CHANGES: Mapping[str, Callable[[np.random.Generator, _Drifts, ComplexArray], ComplexArray]] = {
    "inflow": _inflow,
    "swallowing": _swallowing,
    "table": _table,
    "shim": _shim,
}
