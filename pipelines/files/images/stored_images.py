"""MRD images of a file that despark itself wrote, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py

from pipelines.files.images.raw_image import RawImage


class StoredImages:
    """The images of an MRD file in the order in which they came, series by series; may be gone through again.

    Parameters
    ----------
    path
        As :class:`pipelines.files.ImageWriter` wrote it.
    group
        That it was written to.
    """

    def __init__(self, path: Path, group: str = "images") -> None:
        self._path, self._group = path, group

    def __iter__(self) -> Iterator[RawImage]:
        """Give one image at a time: a series may be larger than the memory."""
        with h5py.File(self._path, "r") as file:
            series = file[self._group]
            # By number: as texts, image_10 would come before image_2.
            for name in sorted(series, key=_number):
                rows = (series[name][key] for key in ("header", "attributes", "data"))
                for header, attributes, data in zip(*rows, strict=True):
                    yield RawImage(header.tobytes(), attributes, data)


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
