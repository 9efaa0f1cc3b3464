"""From a k-space to its magnitude image: the transform that ImageFFT and the image check share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gadgets.arrays import ComplexArray, FloatArray
from gadgets.kspace import Encoding, KSpace, check_size, in_ordinary_units

ScalarT = TypeVar("ScalarT", bound=np.generic)
ValueT = TypeVar("ValueT")
Window = tuple[slice, slice, slice]
Matrix = tuple[int, int, int]


@dataclass(frozen=True)
class Placement:
    """Where a k-space lies on the matrix that is transformed, along partition, line and sample.

    Attributes
    ----------
    matrix
        Its centre is the centre of k-space.
    window, used
        The part of the matrix that the k-space fills, and the part of the k-space that does.
    """

    matrix: Matrix
    window: Window
    used: Window


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
    length, lines, partitions = encoding.encoded_matrix
    where = place_on_matrix(kspace, (partitions, lines, length))
    crop = _readout_crop(where.matrix[2], encoding.recon_matrix[0])
    kspace, scale = in_ordinary_units(kspace)
    # Single precision is what the receivers give, and half of the memory.
    data = kspace.data.astype(np.complex64, copy=False)
    image = root_sum_of_squares((on_matrix(samples, kspace, where) for samples in data), where.matrix, crop)
    return image if scale == 1 else image / np.float32(scale)


def root_sum_of_squares(receivers: Iterable[ComplexArray], matrix: Matrix, crop: slice = slice(None)) -> FloatArray:
    """Transform receivers, each of shape `matrix`, and combine them; `crop` is what is kept along the readout."""
    power = np.zeros((*matrix[:2], len(range(matrix[2])[crop])), np.float32)
    # One receiver at a time, so that no image of all receivers is ever held.
    for grid in receivers:
        # The readout first: what is cropped of it need not be transformed along the other axes.
        image = centred_inverse_fft(centred_inverse_fft(grid, (2,))[..., crop], (0, 1))
        power += image.real**2 + image.imag**2
    return np.sqrt(power)


def centred_inverse_fft(data: ComplexArray, axes: tuple[int, ...]) -> ComplexArray:
    """Orthonormal inverse FFT with both centres at half the length of each axis."""
    # The shifted array is a copy of ours already, so it may be overwritten.
    transformed = fft.ifftn(fft.ifftshift(data, axes), axes=axes, norm="ortho", overwrite_x=True)
    centred: ComplexArray = fft.fftshift(transformed, axes)
    return centred


def centred_fft(data: ComplexArray, axes: tuple[int, ...]) -> ComplexArray:
    """Undo :func:`centred_inverse_fft`: from an image to its k-space."""
    transformed = fft.fftn(fft.ifftshift(data, axes), axes=axes, norm="ortho", overwrite_x=True)
    centred: ComplexArray = fft.fftshift(transformed, axes)
    return centred


def on_matrix(samples: NDArray[ScalarT], kspace: KSpace, where: Placement) -> NDArray[ScalarT]:
    """Put what belongs to the samples of one receiver, shape ``(kz, ky, kx)``, on the matrix; zero elsewhere.

    Readouts that were acquired from right to left are turned round.
    """
    grid = np.zeros(where.matrix, samples.dtype)
    grid[where.window] = _turned(samples, kspace)[where.used]
    return grid


def _turned(samples: NDArray[ScalarT], kspace: KSpace) -> NDArray[ScalarT]:
    if not kspace.reversed_lines.any():
        return samples
    # The samples may be a view of what was received, and others still use them.
    turned = samples.copy()
    turned[kspace.reversed_lines] = samples[kspace.reversed_lines][:, ::-1]
    return turned


def place_on_matrix(kspace: KSpace, least: Matrix) -> Placement:
    """Say where a k-space lies on a matrix of partitions, lines and samples, which grows where it does not fit.

    Raises
    ------
    RawDataError
        The matrix is larger than there is memory for, or almost empty and large.
    """
    acquired = kspace.acquired_lines
    extents = [np.flatnonzero(acquired.any(axis=1)), np.flatnonzero(acquired.any(axis=0))]
    extents.append(np.arange(kspace.data.shape[-1]))
    matrix, window, used = [], [], []
    for places, centre, length in zip(extents, kspace.centre, least, strict=True):
        first, last = (int(places[0]), int(places[-1])) if len(places) else (0, 0)
        # A header whose matrix or centre does not fit must not cost acquired samples.
        size = max(length, last - first + 1)
        # As near to the middle as all acquired lines allow.
        offset = min(max(size // 2 - centre, -first), size - 1 - last)
        matrix.append(size)
        window.append(slice(first + offset, last + offset + 1))
        used.append(slice(first, last + 1))
    # Before any is made: the matrix stands in the header, and the samples say nothing of it.
    asked = f"(partitions, lines, samples) = {tuple(matrix)} of the encoded matrix"
    check_size("matrix of an image", tuple(matrix), int(np.count_nonzero(kspace.sampled)), asked)
    return Placement(_triple(matrix), _triple(window), _triple(used))


def _triple(values: list[ValueT]) -> tuple[ValueT, ValueT, ValueT]:
    first, second, third = values
    return first, second, third


def _readout_crop(n_encoded: int, n_recon: int) -> slice:
    n_kept = min(n_recon, n_encoded)
    # About the centre of the image, which the transform puts at half the length.
    start = n_encoded // 2 - n_kept // 2
    return slice(start, start + n_kept)
