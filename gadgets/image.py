"""From a k-space to its magnitude image: the transform that ImageFFT and the image check share."""

from __future__ import annotations

import numpy as np
from scipy import fft

from gadgets.kspace import ComplexArray, FloatArray, KSpace
from gadgets.readout import Encoding

Window = tuple[slice, slice, slice]


def reconstruct(kspace: KSpace, encoding: Encoding) -> FloatArray:
    """Reconstruct the magnitude image of a k-space, unsampled places filled with zeros.

    - place the k-space on the encoded matrix such that its centre lies at half the matrix,
    - turn round readouts that were acquired from right to left,
    - transform readout, line and partition with the centred orthonormal inverse FFT,
    - crop the readout to the reconstructed matrix,
    - combine the receivers as root of the sum of squares.

    Parameters
    ----------
    kspace
        As acquired or repaired; only samples that are finite.
    encoding
        Matrices along readout, line and partition.

    Returns
    -------
        Magnitude, shape ``(z, y, x)``, in the units of the samples.
    """
    matrix, window, used = _place(kspace, encoding)
    crop = _readout_crop(matrix[2], encoding.recon_matrix[0])
    power = np.zeros((*matrix[:2], crop.stop - crop.start), np.float32)
    for samples in kspace.data:
        grid = np.zeros(matrix, np.complex64)
        grid[window] = _turned(samples, kspace)[used]
        image = centred_inverse_fft(centred_inverse_fft(grid, (2,))[..., crop], (0, 1))
        power += image.real**2 + image.imag**2
    return np.sqrt(power)


def centred_inverse_fft(data: ComplexArray, axes: tuple[int, ...]) -> ComplexArray:
    """Orthonormal inverse FFT with both centres at half the length of each axis."""
    transformed = fft.ifftn(fft.ifftshift(data, axes), axes=axes, norm="ortho", overwrite_x=True)
    centred: ComplexArray = fft.fftshift(transformed, axes)
    return centred


def _turned(samples: ComplexArray, kspace: KSpace) -> ComplexArray:
    """Turn reversed readouts of one receiver round, shape ``(kz, ky, kx)``."""
    if not kspace.reversed_lines.any():
        return samples
    turned = samples.copy()
    turned[kspace.reversed_lines] = samples[kspace.reversed_lines][:, ::-1]
    return turned


def _place(kspace: KSpace, encoding: Encoding) -> tuple[tuple[int, int, int], Window, Window]:
    """Give the matrix, where the k-space lies on it, and which part of the k-space that is."""
    acquired = kspace.acquired_lines
    extents = [np.flatnonzero(acquired.any(axis=1)), np.flatnonzero(acquired.any(axis=0))]
    extents.append(np.arange(kspace.data.shape[-1]))
    matrix, window, used = [], [], []
    for places, centre, length in zip(extents, kspace.centre, encoding.encoded_matrix[::-1], strict=True):
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        # A header whose matrix or centre does not fit must not cost acquired samples.
        size = max(length, last - first + 1)
        offset = min(max(size // 2 - centre, -first), size - 1 - last)
        matrix.append(size)
        window.append(slice(first + offset, last + offset + 1))
        used.append(slice(first, last + 1))
    return (matrix[0], matrix[1], matrix[2]), (window[0], window[1], window[2]), (used[0], used[1], used[2])


def _readout_crop(n_encoded: int, n_recon: int) -> slice:
    n_kept = min(n_recon, n_encoded)
    start = n_encoded // 2 - n_kept // 2
    return slice(start, start + n_kept)
