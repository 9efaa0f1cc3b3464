"""Where a history is kept: in the logbook, or in a file with one record of JSON per line, oldest first.

Records are only ever added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from gadgets.errors import StoreError
from gadgets.logbook import MAGIC, Logbook, logbook_path
from gadgets.patch_models.history import History
from gadgets.patch_models.history_records import (
    Entry,
    Feedback,
    ImpactRecord,
    Result,
    SetThresholds,
)
from onnx_models.errors import complaints_of
from onnx_models.reading import read_regular

AUTO = Path("auto")
"""Stands for the user's own logbook."""

SaidT = TypeVar("SaidT", Feedback, ImpactRecord)
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def read_history(path: Path | None) -> History:
    """Read a store; None: an empty one.

    Parameters
    ----------
    path
        A logbook, a file of lines, or :data:`AUTO`.

    Raises
    ------
    StoreError
        It cannot be read, or a line of it is damaged; file and line are named.
    """
    if path == AUTO:
        # Nobody has to have said anything yet.
        path = logbook_path("auto")
        path = path if path is not None and path.exists() else None
    if path is None:
        return History()
    lines = _lines_of(path)
    entries = [_parsed(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    # Where none were ever set all feedback is newer.
    set_last = max((number for number, entry in enumerate(entries) if isinstance(entry, SetThresholds)), default=-1)
    return History(
        tuple(entry for entry in entries if isinstance(entry, Result)),
        _last_said(entries, Feedback),
        _last_said(entries, ImpactRecord),
        str(path),
        tuple(entry for entry in entries if isinstance(entry, SetThresholds)),
        _last_said(entries[set_last + 1 :], Feedback),
    )


def append(path: Path, entry: Entry) -> None:
    """Add a record to a store, which is made if it is not there.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    if _is_logbook(path):
        Logbook(path).say(entry.model_dump_json())
        return
    try:
        # Opened anew and written at once, so that lines of several processes never mix.
        with path.open("ab", buffering=0) as file:
            file.write(f"{entry.model_dump_json()}\n".encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot write the history ({error.strerror})") from error


def take_over(path: Path, logbook: Path) -> int:
    """Read a file of lines into a logbook, once, and put a link to that in its place; the file stays as ``….before``.

    Returns
    -------
        How many records were read.

    Raises
    ------
    StoreError
        It cannot be read or is damaged, or the logbook cannot be written.
    """
    if _is_logbook(path):
        return 0
    # Only to see that no line is damaged: a logbook takes any text.
    read_history(path)
    lines = [line for line in _lines_of(path) if line.strip()]
    # Should the link fail, the next try finds them there already.
    is_new = Logbook(logbook).say(
        *(line.decode() for line in lines), taken_from=hashlib.sha256(b"\n".join(lines)).hexdigest()
    )
    try:
        # Nodes that name the file then read what the logbook says by now.
        path.replace(path.with_name(f"{path.name}.before"))
        path.symlink_to(logbook.absolute())
    except OSError as error:
        raise StoreError(f"{path}: cannot be replaced by the logbook ({error.strerror})") from error
    return len(lines) if is_new else 0


def _lines_of(path: Path) -> list[bytes]:
    """Give the records of a store, one text each."""
    try:
        if _is_logbook(path):
            return Logbook(path).said()
        # As bytes: a damaged character is then reported with its line, as every other damage.
        return read_regular(path).splitlines()
    except OSError as error:
        raise StoreError(f"{path}: expected a history, cannot read it ({error.strerror})") from error


def _is_logbook(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _last_said(entries: Sequence[Entry], kind: type[SaidT]) -> tuple[SaidT, ...]:
    """Give the records of a kind; of what was said of the same spark the last."""
    said = [entry for entry in entries if isinstance(entry, kind)]
    # One without a name stands for itself.
    return tuple({each.spark or number: each for number, each in enumerate(said)}.values())


def _parsed(line: bytes, path: Path, number: int) -> Entry:
    try:
        return _ENTRY.validate_json(line)
    except ValidationError as error:
        complaints = complaints_of(error, "line")
        raise StoreError(f"{path}, line {number}: expected a record of the history, found {complaints}") from error
