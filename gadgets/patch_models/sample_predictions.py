"""What calibration models see of every receiver: its samples as recorded, and how far they are from predictions.

What is suspicious is withheld from the predictions: the samples of a burst would otherwise vouch for each other. All
is in units of the local level, so that nothing depends on the scale of the data, and each receiver stands by itself,
so that a model takes any number of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import BoolArray, ComplexArray, FloatArray
from gadgets.background import predict_from_support
from gadgets.evidence import predict

FIELDS = ("recorded", "beyond_background", "beyond_neighbours")
"""Samples as recorded; minus what the image's background makes of them; minus what their neighbours make of them."""

LARGEST_FIELD = 6e4
"""In units of the local level; larger parts are cut off."""


def fields_of(data: ComplexArray, withheld: BoolArray, level: FloatArray, noise: float) -> NDArray[np.float32]:
    """Compare the samples of a plane with their predictions.

    Parameters
    ----------
    data
        Shape ``(coil, line, sample)``.
    withheld
        Suspicious samples, shape ``(line, sample)``.
    level, noise
        Local magnitude, shape ``(line, sample)``, and noise level of the plane, from :mod:`gadgets.evidence.maps`.

    Returns
    -------
    NDArray
        Real and imaginary parts, shape ``(coil, field, 2, line, sample)``, see :data:`FIELDS`. What is not withheld is
        not beyond the background: it is what that is made from.
    """
    filled = predict_from_support(data, np.broadcast_to(withheld, data.shape)).filled
    scale = np.float32(1 / max(float(np.abs(filled).max()), 1e-30))
    # The fit of the neighbours' weights is in single precision: neither tiny nor huge numbers are for it.
    neighbours = predict(filled * scale, level * float(scale), noise * float(scale))
    fields = np.stack([data, data - filled, data - neighbours / scale], axis=1)
    return in_levels(fields, level)


def in_levels(values: ComplexArray, level: FloatArray) -> NDArray[np.float32]:
    """Give complex samples ``(…, line, sample)`` in units of the level, as two channels ``(…, 2, line, sample)``."""
    # Where nothing was acquired the level is zero.
    units = np.maximum(level, 1e-30)
    parts = np.stack([values.real / units, values.imag / units], axis=-3)
    # Training keeps examples in half precision, which ends at 65504.
    return np.clip(parts, -LARGEST_FIELD, LARGEST_FIELD).astype(np.float32)


def from_levels(parts: NDArray[np.float32], level: FloatArray) -> ComplexArray:
    """Turn two channels ``(…, 2, line, sample)`` in units of the level back into complex samples."""
    return np.asarray((parts[..., 0, :, :] + 1j * parts[..., 1, :, :]) * level, dtype=np.complex64)
