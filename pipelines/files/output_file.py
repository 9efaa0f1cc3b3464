"""Files that appear under their final name only when they are whole."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gadgets.errors import RawDataError
from pipelines.files.output_checks import check_folder, check_new_folder, meant, refusal

MOST_NAME_BYTES = 255
"""In the file systems that are common."""


@contextmanager
def whole_or_nothing(path: Path, *, is_folder: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path``; what was written there takes the final name at the end.

    A folder may replace an empty one only.

    Where it is a link, the file that it leads to is meant. After an exception the temporary file is removed and
    ``path`` is as it was before. Nothing is renamed where nothing was written.

    Raises
    ------
    RawDataError
        The folder does not exist, or the file cannot be renamed.
    """
    (check_new_folder if is_folder else check_folder)(path)
    path = meant(path)
    # In the same folder, so that the renaming is one step.
    temporary = _temporary(path)
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(path)
    except OSError as error:
        raise RawDataError(f"{path}: cannot be written ({refusal(error)})") from error
    finally:
        if is_folder:
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    # By chance: others may write to that folder, too, and put a link where it leads to a file of ours.
    ending = f".{secrets.token_hex(8)}.part"
    name = path.name
    # What a file may be called is limited in bytes; the name that is asked for may be as long as it may be.
    while len(os.fsencode(name)) + len(ending) + 1 > MOST_NAME_BYTES:
        name = name[:-1]
    return path.with_name(f".{name}{ending}")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder; raises RawDataError where none can be made."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="despark-")
    except OSError as error:
        raise RawDataError(f"no temporary folder can be made ({error.strerror or error})") from error
    with folder as path:
        yield Path(path)
