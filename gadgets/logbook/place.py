"""Where the logbook lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gadgets.errors import StoreError

RECORD_VARIABLE = "DESPARK_RECORD"
"""Says what ``auto`` stands for: ``off`` or a file. Tests and throw-away machines set it."""

STATE_VARIABLE = "XDG_STATE_HOME"


def logbook_path(record: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Give the file of the logbook; None where nothing is to be recorded.

    Parameters
    ----------
    record
        As the setting has it: ``auto``, ``off``, or a file.
    environment
        Variables of the process.

    Raises
    ------
    StoreError
        It is ``auto``, and the user has no folder.
    """
    # A setting that was made goes before the variable. An empty variable says nothing, as one that is not there.
    asked = record if record != "auto" else environment.get(RECORD_VARIABLE) or "auto"
    if asked == "off":
        return None
    if asked != "auto":
        return Path(asked)
    state = environment.get(STATE_VARIABLE, "")
    # The standard (XDG base directories) says that a path which is not absolute is to be ignored.
    if not Path(state).is_absolute():
        try:
            state = str(Path.home() / ".local" / "state")
        except RuntimeError as error:
            raise StoreError(f"record=auto: expected a user with a home folder, found none ({error})") from error
    return Path(state) / "despark" / "scans.db"
