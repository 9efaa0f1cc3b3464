"""A node's own record of the scan: one line of JSON per k-space."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import TypeVar, cast

from gadgets.errors import StoreError
from gadgets.logbook.scan_entry import now
from gadgets.logbook.scan_name import this_scan
from gadgets.records import Assembly, Calibration, Detection, Imaging
from gadgets.settings import OnFailure

logger = logging.getLogger(__name__)

_BEGINS = b'{"node":'
_TO_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC

RecordT = TypeVar("RecordT", bound=Assembly | Detection | Calibration | Imaging)


class Report:
    """Adds records to a file, each with the name of the node; without a file it does nothing.

    Parameters
    ----------
    path
        The file; it is made if it is not there. Several nodes may write to the same one.
    node
        The node's name.
    on_failure
        pass: a file that cannot be written is said in the log and in every record, and ends no scan.
    protocol
        Stands in every line: a file may hold the scans of days.

    Raises
    ------
    StoreError
        The file cannot be written, and ``on_failure`` is fail.
    """

    def __init__(self, path: Path | None, node: str, on_failure: OnFailure = "fail", protocol: str = "") -> None:
        self._path = path
        self._node = node
        self._protocol = protocol
        self._warnings: list[str] = []
        try:
            # A file that cannot be written is to be an error before the scan, not a line of the log in it.
            self._append("", is_first=True)
        except StoreError as error:
            if on_failure == "fail":
                raise
            # The file's name in the log, and not even that in records: folders and files may be called after patients.
            logger.warning("%s; the scan goes on without this report", self._without_folder(error))
            self.warn(self._with_name(error, "its file"))
            self._path = None

    def warn(self, warning: str) -> None:
        """Have every record say from now on what is wrong with the scan."""
        self._warnings.append(warning)

    def add(self, record: RecordT) -> RecordT:
        """Write one record and give it with all that is to be said of it; a full disk is logged and ends no scan."""
        # A record may have said by itself what holds for the whole scan.
        standing = [text for text in self._warnings if text not in record.warning]
        warning = "; ".join(filter(None, [record.warning, *standing]))
        said = cast(RecordT, record.model_copy(update={"warning": warning}))
        # Samples in base64 are for the next node, not for people; and the scan's name stands in front.
        text = said.model_dump_json(exclude={"repairs", "scan", "client"})
        # What is said of the scan is put in front of the record's own text, without the braces between them.
        head = json.dumps({"node": self._node, "date": now(), **this_scan()._asdict(), "protocol": self._protocol})
        line = f"{head[:-1]}, {text[1:]}\n"
        try:
            self._append(line)
        except StoreError as error:
            logger.error("%s; a line of the report is lost", self._without_folder(error))
        return said

    def _without_folder(self, error: StoreError) -> str:
        return self._with_name(error, "" if self._path is None else self._path.name)

    def _with_name(self, error: StoreError, name: str) -> str:
        # With the space before it: the shortest path is a dot.
        return str(error).replace(f" {self._path}", f" {name}")

    def _append(self, text: str, *, is_first: bool = False) -> None:
        if self._path is None:
            return
        content = text.encode()
        try:
            # Opened anew and written at once, so that lines of several processes never mix. A pipe is not waited for.
            with os.fdopen(os.open(self._path, _TO_APPEND, 0o666), "a+b", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError(0, "expected a file, found a device or a pipe")
                # Whatever else is there, a scan for example, was named by mistake.
                if is_first and os.pread(file.fileno(), len(_BEGINS), 0) not in (b"", _BEGINS):
                    raise OSError(0, "expected records of nodes, found something else there")
                if file.write(content) != len(content):
                    raise OSError(0, "only a part of the line fits")
        except OSError as error:
            raise StoreError(f"{self._node}.report: cannot write {self._path} ({error.strerror})") from error
