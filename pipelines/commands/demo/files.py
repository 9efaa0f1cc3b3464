"""The files of a demo, all in one folder, and the folder itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gadgets.errors import RawDataError


@dataclass(frozen=True)
class DemoFiles:
    """Where each file of a demo lies."""

    folder: Path

    @property
    def clean(self) -> Path:
        """Raw file of the phantom."""
        return self.folder / "clean.h5"

    @property
    def sparked(self) -> Path:
        """The same with sparks."""
        return self.folder / "sparked.h5"

    @property
    def truth(self) -> Path:
        """What was put in."""
        return self.folder / "truth.json"

    @property
    def images(self) -> Path:
        """Images of the chain."""
        return self.folder / "images.h5"

    @property
    def report(self) -> Path:
        """What the chain found and did."""
        return self.folder / "report.json"

    def picture(self, number: int) -> Path:
        """One slice before and after, numbered from 0 as in the data."""
        return self.folder / f"slice_{number}.png"


@contextmanager
def made_folder(files: DemoFiles) -> Iterator[None]:
    """Make the folder of the demo, unless it is there; a new one goes again where nothing could be written.

    Raises
    ------
    RawDataError
        It cannot be made, or holds files of those names that no demo has made.
    """
    folder = files.folder
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RawDataError(f"{folder}: cannot be made ({error.strerror or error})") from error
    made = (files.clean, files.sparked, files.truth, files.images, files.report, files.picture(0))
    there = [path.name for path in made if os.path.lexists(path)]
    # A demo makes that one first.
    if there and files.clean.name not in there:
        raise RawDataError(f"{folder}: expected a new folder, or that of a demo, found one with {', '.join(there)}")
    try:
        yield
    except BaseException:
        if is_new:
            # With something in it, it stays.
            with suppress(OSError):
                folder.rmdir()
        raise
