"""A node's own record of the scan: one line of JSON per k-space."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from gadgets.errors import SettingsError
from gadgets.records import Record

logger = logging.getLogger(__name__)


class Report:
    """Adds records to a file, each with the name of the node; without a file it does nothing.

    Parameters
    ----------
    path
        The file; it is made if it is not there. Several nodes may write to the same one.
    node
        The node's name.

    Raises
    ------
    SettingsError
        The file cannot be written.
    """

    def __init__(self, path: Path | None, node: str) -> None:
        self._path = path
        self._node = node
        # A file that cannot be written is to be an error before the scan, not a line of the log in it.
        self._append("")

    def add(self, record: Record) -> None:
        """Write one record; a file that can no longer be written is logged and does not end the scan."""
        # Samples in base64 are for the next node, not for people.
        text = record.model_dump_json(exclude={"repairs"})
        # The name is put in front of the record's own text, whose opening brace is left out.
        line = f'{{"node": {json.dumps(self._node)}, {text[1:]}\n'
        try:
            self._append(line)
        except SettingsError as error:
            logger.error("%s; a line of the report is lost", error)

    def _append(self, text: str) -> None:
        if self._path is None:
            return
        try:
            # Opened anew and written at once, so that lines of several processes never mix.
            with self._path.open("ab", buffering=0) as file:
                file.write(text.encode())
        except OSError as error:
            raise SettingsError(f"{self._node}.report: cannot write {self._path} ({error.strerror})") from error
