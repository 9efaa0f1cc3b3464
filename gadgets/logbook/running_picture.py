"""The last image of a scan that runs: made only while somebody looks, and gone when the scan ends."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gadgets.arrays import FloatArray
from onnx_models.reading import open_regular

logger = logging.getLogger(__name__)

ENDING = ".picture"
WATCHED = "watched"
"""File beside those of the scans: its time says when somebody last looked."""

FRESH_S = 10.0
"""Who looks says so every few seconds."""

SHARE = 0.05
"""Of the time of a scan that its pictures may take."""

MOST_PIXELS = 512
"""Of a side: half a megabyte for both images."""

WHITE = 0.995
"""Quantile that is shown as white."""

FILE_BYTES = 2 * MOST_PIXELS**2 + 1024

Images: TypeAlias = Callable[[], tuple[FloatArray, FloatArray]]
"""Makes the image of a k-space before and after the repair, each of shape ``(y, x)``."""


class RunningPicture:
    """The file with the last image of a scan. Whatever is wrong with it costs the scan nothing but this picture.

    Parameters
    ----------
    path
        The file; only its owner can read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._not_before = 0.0
        self.count = 0

    def show(self, images: Images) -> None:
        """Make the images and keep them in place of the last ones, if somebody looks, and if it is time for it."""
        started = time.monotonic()
        if started < self._not_before or not _is_watched(self._path.with_name(WATCHED)):
            return
        try:
            self._keep(*images())
            self.count += 1
        # Whatever a library raises: the k-space has been judged, and its scan goes on.
        except Exception as error:
            logger.debug("no picture of the scan that runs (%s)", error, exc_info=error)
        ended = time.monotonic()
        self._not_before = ended + (ended - started) / SHARE

    def close(self) -> None:
        """Remove the picture: the scan is over."""
        # A folder that has become read-only is no fault of the scan.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _keep(self, before: FloatArray, after: FloatArray) -> None:
        step = -(-max(before.shape) // MOST_PIXELS)
        both = np.stack([before, after])[:, ::step, ::step]
        # One window for both: a difference is to be one of the images.
        white = float(np.quantile(both[1], WHITE)) or 1.0
        content = io.BytesIO()
        np.save(content, np.clip(both / white * 255, 0, 255).astype(np.uint8), allow_pickle=False)
        new = self._path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.getvalue())
        # Whoever looks meanwhile sees the one or the other, and never half of it.
        new.replace(self._path)


def read_picture(path: Path) -> NDArray[np.uint8] | None:
    """Read the last image of a scan before and after the repair, shape ``(2, y, x)``; None where there is none."""
    try:
        with open_regular(path) as file:
            both = np.load(io.BytesIO(file.read(FILE_BYTES)), allow_pickle=False)
    # It has ended just now, belongs to somebody else, or is none of ours.
    except (OSError, ValueError, EOFError):
        return None
    is_ours = isinstance(both, np.ndarray) and both.dtype == np.uint8 and both.ndim == 3 and len(both) == 2
    return both if is_ours and both.size else None


def watch(folder: Path) -> None:
    """Say that somebody looks at the scans that run; where that cannot be said, there are no pictures of them."""
    try:
        (folder / WATCHED).touch(0o600)
    except OSError as error:
        logger.debug("scans that run are not told that somebody looks (%s)", error.strerror)


def _is_watched(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < FRESH_S
    except OSError:
        return False
