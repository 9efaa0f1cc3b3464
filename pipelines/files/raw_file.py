"""MRD raw files (HDF5), and others that are turned into one first, read in pieces.

A child process reads them, which can be ended where the library cannot.

::

    with RawFile(path) as raw:
        for item in raw:        # RawAcquisition or RawWaveform, in the order of the scan
            …
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from operator import methodcaller
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.files.foreign import Identity, check_regular, in_child
from pipelines.files.headers import read_header
from pipelines.files.raw_items import RawAcquisition, RawItem, RawWaveform
from pipelines.files.siemens import as_mrd
from pipelines.files.stored_scan import StoredScan
from pipelines.files.stored_stream import StoredStream, is_stream

ThingT = TypeVar("ThingT")
Stored: TypeAlias = StoredScan | StoredStream


class _About(NamedTuple):
    header_xml: bytes
    other_groups: tuple[str, ...]
    n_acquisitions: int
    n_waveforms: int
    made_by: str


class RawFile:
    """An MRD raw file or a stored MRD stream; a Siemens raw file is turned into one first.

    Parameters
    ----------
    path
        The HDF5 file.
    group
        The group that holds ``xml``, ``data`` and, where there are any, ``waveforms``.

    Attributes
    ----------
    path, group
        As given.
    header_xml, header
        The MRD header, as it stands in the file and parsed.
    other_groups
        What else the file holds beside the group that is read.
    made_by
        What despark did to the data before; empty where it left no mark.
    n_acquisitions, n_waveforms
        How many there are, imaging or not.

    Raises
    ------
    RawDataError
        The file is missing, not HDF5, damaged, without that group, without acquisitions, or its header does not parse.
        So does everything that reads, where the file is damaged further on.
    """

    def __init__(self, path: Path | str, group: str = "dataset") -> None:
        self.path = Path(path)
        self.group = group
        with ExitStack() as stack:
            self._stored = as_mrd(self.path, stack)
            check_regular(self._stored)
            # Before the first of many times that it is opened.
            self._identity = Identity.of(self._stored) or Identity(0, 0, 0, 0)
            # In the child, too: with some damaged files it is the opening that never ends.
            (about,) = self._read(_about)
            # Only now that all went well: before, what was made of the file is removed on the way out.
            self._closing = stack.pop_all()
        self.header_xml, self.other_groups = about.header_xml, about.other_groups
        self.made_by = about.made_by
        self.n_acquisitions, self.n_waveforms = about.n_acquisitions, about.n_waveforms
        self.header = read_header(self.header_xml, str(self.path))

    def __enter__(self) -> RawFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was made of the file, if it had to be turned into another; whoever reads opens it by itself."""
        self._closing.close()

    def headers(self, rows: int = 4096) -> Iterator[NDArray[np.void]]:
        """Give the acquisition headers alone, as structured arrays of up to ``rows`` each."""
        # No lambda: what the child is to do goes to it pickled.
        return self._read(methodcaller("headers", rows))

    def acquisitions(self) -> Iterator[RawAcquisition]:
        """Give the acquisitions in the order of the file."""
        return self._read(methodcaller("acquisitions"))

    def waveforms(self) -> Iterator[RawWaveform]:
        """Give the waveforms in the order of the file."""
        return self._read(methodcaller("waveforms"))

    def __iter__(self) -> Iterator[RawItem]:
        """Give acquisitions and waveforms in the order of the scan."""
        return self._read(iter)

    def _read(self, give: Callable[[Stored], Iterator[ThingT]]) -> Iterator[ThingT]:
        read = partial(_read, self.path, self.group, self._stored, self._identity, give)
        return in_child(read, str(self.path), n_bytes=self._identity.size)


def _read(
    path: Path, group: str, stored: Path, identity: Identity, give: Callable[[Stored], Iterator[ThingT]]
) -> Iterator[ThingT]:
    with StoredStream(stored) if is_stream(stored) else StoredScan(path, group, stored) as scan:
        # Of a file that takes its place the header, which was read before, may be another patient's.
        identity.check(stored, str(path))
        yield from give(scan)
        identity.check(stored, str(path), is_read=True)


def _about(scan: Stored) -> Iterator[_About]:
    yield _About(scan.header_xml, scan.other_groups, scan.n_acquisitions, scan.n_waveforms, scan.made_by)
