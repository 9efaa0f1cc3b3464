"""What all containers of images have in common: they are read to be written back as what they were."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from gadgets.errors import DesparkError

Pixels = NDArray[Any]
Kind = Literal["MRD", "DICOM", "DICOM folder", "NIfTI", "PNG"]
"""What images are kept in."""


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
    """

    kind: ClassVar[Kind]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[Pixels] = []
        self.notices: list[str] = []

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
        return importlib.import_module(name)
    except ImportError as error:
        raise DesparkError(f'{what} needs {name}, which is not installed: pip install "despark[images]"') from error
