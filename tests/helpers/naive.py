"""Slow oracles: loops that are right by looking at them."""

from __future__ import annotations

import numpy as np


def assemble_slowly(readouts, encoding):
    """Data and sampling of each k-space by its indices, sample by sample; no line comes twice."""
    kspaces = {}
    for indices in {readout.indices for readout in readouts}:
        own = [readout for readout in readouts if readout.indices == indices]
        centre = max(readout.centre_sample for readout in own)
        width = max(centre - readout.centre_sample + readout.data.shape[1] for readout in own)
        shape = (encoding.partitions.maximum + 1, encoding.lines.maximum + 1, width)
        data = np.zeros((own[0].data.shape[0], *shape), np.complex64)
        sampled = np.zeros(shape, bool)
        for readout in own:
            for sample in range(readout.data.shape[1]):
                column = centre - readout.centre_sample + sample
                sampled[readout.partition, readout.line, column] = True
                for coil in range(data.shape[0]):
                    data[coil, readout.partition, readout.line, column] = readout.data[coil, sample]
        kspaces[indices] = data, sampled
    return kspaces


def image_slowly(kspace, encoding):
    """Magnitude image by the definition of the inverse transform, one point at a time."""
    n_x, n_y, n_z = encoding.encoded_matrix
    grid = np.zeros((kspace.n_coils, n_z, n_y, n_x), complex)
    for coil, z, y, x in np.ndindex(kspace.data.shape):
        if kspace.sampled[z, y, x]:
            column = kspace.data.shape[3] - 1 - x if kspace.reversed_lines[z, y] else x
            place = (
                z + n_z // 2 - kspace.centre[0],
                y + n_y // 2 - kspace.centre[1],
                column + n_x // 2 - kspace.centre[2],
            )
            grid[(coil, *place)] = kspace.data[coil, z, y, x]
    image = np.zeros((n_z, n_y, n_x))
    for place in np.ndindex(image.shape):
        waves = [
            np.exp(2j * np.pi * (np.arange(n) - n // 2) * (position - n // 2) / n)
            for position, n in zip(place, (n_z, n_y, n_x), strict=True)
        ]
        values = np.einsum("czyx,z,y,x->c", grid, *waves) / np.sqrt(n_x * n_y * n_z)
        image[place] = np.sqrt(np.sum(np.abs(values) ** 2))
    start = n_x // 2 - encoding.recon_matrix[0] // 2
    return image[..., start : start + encoding.recon_matrix[0]]
