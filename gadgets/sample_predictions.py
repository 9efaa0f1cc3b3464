"""What the calibration models see of every receiver: its samples as recorded, and how far they are from predictions.

All in units of the local level, so that nothing depends on the scale of the data, and each receiver by itself, so
that a model takes any number of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.image_support import innovation_of
from gadgets.kspace import ComplexArray, FloatArray
from gadgets.prediction import predict

FIELDS = ("recorded", "innovation", "residual")
"""Samples as recorded; minus what all others predict; minus what their neighbours predict."""

LARGEST_FIELD = 3e4
"""In units of the local level; larger ones are cut off, at the same phase."""


def fields_of(data: ComplexArray, level: FloatArray, noise: float) -> ComplexArray:
    """Compare every sample of a plane with its predictions.

    Parameters
    ----------
    data
        Shape ``(coil, line, sample)``.
    level, noise
        Local magnitude, shape ``(line, sample)``, and noise level of the plane, from :mod:`gadgets.evidence`.

    Returns
    -------
    ComplexArray
        Shape ``(coil, field, line, sample)``, see :data:`FIELDS`.
    """
    scale = np.float32(1 / max(float(np.abs(data).max()), 1e-30))
    scaled = (data * scale).astype(np.complex64, copy=False)
    levels = level * float(scale)
    residual = scaled - predict(scaled, levels, noise * float(scale))
    fields = np.stack([scaled, innovation_of(scaled), residual], axis=1)
    fields /= np.maximum(levels, 1e-20).astype(np.float32)
    magnitude = np.abs(fields)
    fields *= np.minimum(1, LARGEST_FIELD / np.maximum(magnitude, 1e-20)).astype(np.float32)
    return fields


def as_channels(values: ComplexArray) -> NDArray[np.float32]:
    """Turn complex samples ``(…, line, sample)`` into two channels ``(…, 2, line, sample)``."""
    return np.stack([values.real, values.imag], axis=-3).astype(np.float32, copy=False)


def as_complex(values: NDArray[np.float32]) -> ComplexArray:
    """Turn two channels ``(…, 2, line, sample)`` back into complex samples ``(…, line, sample)``."""
    return np.asarray(values[..., 0, :, :] + 1j * values[..., 1, :, :], dtype=np.complex64)
