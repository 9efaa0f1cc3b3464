"""The raw file of a scan that never was: the phantom, several receivers, noise, noise prescan, oversampling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype

from gadgets.arrays import ComplexArray
from gadgets.kspace import (
    ACQ_FIRST_IN_SLICE,
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_LAST_IN_MEASUREMENT,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
)
from pipelines.files import RawAcquisition, write_raw_file
from pipelines.phantom.head import background_phase, draw_head, sensitivities
from pipelines.phantom.phantom_scan import OVERSAMPLING, STAMPS_PER_READOUT, PhantomScan, header_xml
from pipelines.phantom.steps import OnStep, ignore

FINENESS = 3
"""The head is drawn on a grid this much finer than that of the scan."""


def write_phantom(path: Path, scan: PhantomScan | None = None, on_slice: OnStep = ignore) -> None:
    """Write the scan as an MRD raw file; `on_slice` is called with how many slices of how many are drawn.

    Raises
    ------
    RawDataError
        The file cannot be written.
    """
    scan = scan or PhantomScan()
    write_raw_file(path, header_xml(scan), acquisitions(scan, on_slice))


def acquisitions(scan: PhantomScan, on_slice: OnStep = ignore) -> Iterator[RawAcquisition]:
    """Give noise measurements, then the readouts line by line, the slices of a line one after the other."""
    rng = np.random.default_rng(scan.seed)
    mixing = _noise_mixing(scan.n_coils, rng)
    volumes = []
    for number in range(scan.n_slices):
        # All of them first, as the slices are interleaved: each line is read from one after the other.
        volumes.append(kspace_of_slice(scan, number, rng))
        on_slice(number + 1, scan.n_slices)
    counter = 0
    for _ in range(scan.n_noise):
        counter += 1
        # A noise prescan comes first, as in real scans: it must pass unchanged.
        noise = _noise(scan, mixing, rng)
        yield _acquisition(scan, noise, counter, flags=ACQ_IS_NOISE_MEASUREMENT)
    # The slices of a line one after the other, as a multi-slice gradient echo fills its TR.
    for line in range(scan.matrix):
        for number, volume in enumerate(volumes):
            counter += 1
            samples = volume[:, line] + _noise(scan, mixing, rng)
            yield _acquisition(scan, samples, counter, line, number, _flags(scan, line, number))


def kspace_of_slice(scan: PhantomScan, number: int, rng: np.random.Generator) -> ComplexArray:
    """Sample one slice without noise, shape ``(coil, ky, kx)``; the noise of a sample has sigma 1."""
    # The oversampled readout covers twice the field of view at the same size of a pixel.
    fine = FINENESS * scan.matrix, FINENESS * scan.n_samples
    extent = scan.field_of_view, OVERSAMPLING * scan.field_of_view
    head = draw_head(fine, extent, _slice_position(scan, number), rng) * background_phase(fine, extent)
    top, left = (size // 2 - wanted // 2 for size, wanted in zip(fine, (scan.matrix, scan.n_samples), strict=True))
    kspace = np.empty((scan.n_coils, scan.matrix, scan.n_samples), dtype=np.complex64)
    for samples, sensitivity in zip(kspace, sensitivities(scan.n_coils, fine, extent), strict=True):
        # Receiver by receiver, as the fine grid is nine times as large as what is kept of it.
        transform = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(head * sensitivity), norm="ortho"))
        samples[:] = transform[top : top + scan.matrix, left : left + scan.n_samples]
    # The orthonormal transform of the finer grid is larger than that of the scan's by the ratio of their sides.
    return kspace * np.float32(scan.snr / FINENESS)


def _slice_position(scan: PhantomScan, number: int) -> float:
    return (number - (scan.n_slices - 1) / 2) * scan.slice_distance


def _noise_mixing(n_coils: int, rng: np.random.Generator) -> ComplexArray:
    """Receivers share a little of their noise; rows of norm 1, shape ``(coil, coil)``."""
    coupling = rng.normal(size=(n_coils, n_coils)) + 1j * rng.normal(size=(n_coils, n_coils))
    # The diagonal leads by far: real arrays are decoupled, and whitening has a little to do.
    mixing = np.eye(n_coils) + 0.06 * coupling
    return np.asarray(mixing / np.linalg.norm(mixing, axis=1, keepdims=True))


def _noise(scan: PhantomScan, mixing: ComplexArray, rng: np.random.Generator) -> ComplexArray:
    # Real and imaginary part have half of the variance each: a sample's noise has sigma 1.
    white = rng.normal(size=(2, scan.n_coils, scan.n_samples)) / np.sqrt(2)
    return np.asarray(mixing @ (white[0] + 1j * white[1]))


def _flags(scan: PhantomScan, line: int, number: int) -> int:
    flags = 0
    if line == 0:
        flags |= ACQ_FIRST_IN_SLICE
    if line == scan.matrix - 1:
        flags |= ACQ_LAST_IN_SLICE
        if number == scan.n_slices - 1:
            flags |= ACQ_LAST_IN_REPETITION | ACQ_LAST_IN_MEASUREMENT
    return flags


def _acquisition(
    scan: PhantomScan, samples: ComplexArray, counter: int, line: int = 0, number: int = 0, flags: int = 0
) -> RawAcquisition:
    head = np.zeros(1, dtype=acquisition_header_dtype)
    row = head[0]
    row["version"] = 1
    row["flags"] = flags
    row["measurement_uid"] = 1
    row["scan_counter"] = counter
    # Far from zero, as on scanners whose stamps count from midnight.
    row["acquisition_time_stamp"] = 20_000_000 + STAMPS_PER_READOUT * counter
    row["number_of_samples"] = scan.n_samples
    row["available_channels"] = row["active_channels"] = scan.n_coils
    # Readers of raw files that count the receivers by this mask find them all.
    row["channel_mask"][0] = (1 << scan.n_coils) - 1
    row["center_sample"] = scan.n_samples // 2
    row["sample_time_us"] = 5.0
    row["position"] = (0, 0, _slice_position(scan, number))
    row["read_dir"], row["phase_dir"], row["slice_dir"] = np.eye(3)
    row["idx"]["kspace_encode_step_1"] = line
    row["idx"]["slice"] = number
    return RawAcquisition(head.tobytes(), np.zeros((scan.n_samples, 0), np.float32), samples.astype(np.complex64))
