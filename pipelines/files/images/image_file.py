"""What all containers of images have in common: they are read to be written back as what they were."""

from __future__ import annotations

import importlib
import logging
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from gadgets.errors import DesparkError, RawDataError
from gadgets.outside import printable
from pipelines.files.foreign import Identity
from pipelines.files.output_checks import refusal

Pixels = NDArray[Any]
Kind = Literal["MRD", "DICOM", "DICOM folder", "NIfTI", "PNG"]
"""What images are kept in."""

LOGGERS = ("pydicom", "nibabel", "nibabel.global")
OWN = "despark: "
"""Begins the comments that despark writes into images."""

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class ImageFile(ABC):
    """The images of one file.

    Attributes
    ----------
    kind
        Of the container.
    path
        Where they were read from.
    images
        What is transformed as a whole, each of shape ``(channel, z, y, x)``: real or complex values.
    notices
        What of the file is left as it is, and why.
    made_by
        What despark did to the images before; empty where they do not say.
    """

    kind: ClassVar[Kind]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = Identity.of(path)
        self.images: list[Pixels] = []
        self.notices: list[str] = []
        self.made_by = ""

    def check_unchanged(self) -> None:
        """Raise RawDataError unless the file is still the one that was read: what was written is a copy of it."""
        if self._identity is not None:
            self._identity.check(self.path)

    @abstractmethod
    def write(self, path: Path, repaired: Mapping[int, Pixels], comments: Mapping[int, str]) -> int:
        """Write a copy of the file, the images with these numbers replaced; everything else stays.

        Parameters
        ----------
        path
            Not there yet.
        repaired
            Images by their number, not yet in the type of the file.
        comments
            What was done to each, for containers that have a place for it.

        Returns
        -------
            Number of pixels that the file's type cannot hold, and that have its largest or smallest value instead.
        """


def said_by_despark(comments: Iterable[str]) -> str:
    """Give the first of some comments in which despark says what it did, without its name; empty where there is none.

    Of several images the first that was repaired says most.
    """
    own = [printable(each).removeprefix(OWN).strip() for each in comments if each.startswith(OWN)]
    return next((each for each in own if "repaired" in each), next(filter(None, own), ""))


def imported(name: str, what: str) -> Any:  # noqa: ANN401 - untyped, and not always installed
    """Import a library that the extra ``images`` brings.

    Parameters
    ----------
    name
        Of the library.
    what
        It is needed for, for the message of an error.

    Raises
    ------
    DesparkError
        It is not installed.
    """
    try:
        library = importlib.import_module(name)
    except ImportError as error:
        raise DesparkError(f'{what} needs {name}, which is not installed: pip install "despark[images]"') from error
    # What these libraries log of a value that they do not like is the value itself, a patient's name for example.
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    return library


@contextmanager
def unquoted() -> Iterator[None]:
    """Let no library warn of a value that it does not like, which it quotes: a patient's name, for example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def readable(path: Path, what: str) -> Iterator[None]:
    """Make one line of ours of whatever a library raises at a damaged file, without the values that it quotes."""
    try:
        with unquoted():
            yield
    # How much there was, whoever limited it can say.
    except (DesparkError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - libraries that raise whatever they stumble on
        first, *more = str(error).splitlines() or [""]
        # What a library lacks, it says below a line that ends with a colon.
        text = " ".join([first, *(line.strip() for line in more)]) if first.endswith(":") else first
        reason = printable(QUOTED.sub("…", text))
        raise RawDataError(f"{path}: not a readable {what} ({reason or type(error).__name__})") from None


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Make one line of ours of a disk that does not take what is written, for a process whose errors have to travel."""
    try:
        with unquoted():
            yield
    except OSError as error:
        raise RawDataError(f"{path}: cannot be written ({refusal(error)})") from error
