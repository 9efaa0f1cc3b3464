"""What a node's process writes: handed on to our own log, and kept for the case that the node fails."""

from __future__ import annotations

import contextvars
import json
import logging
import re
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from gadgets.logbook import SCAN_FIELDS, note_scan
from pipelines.threads import start_thread

logger = logging.getLogger(__name__)

# Lines that are kept of each node, those that make its last words, and the wait for the last of them.
N_KEPT = 200
N_LAST_WORDS = 3
JOIN_S = 2.0

# As the gadgetron package formats it: date, time, level, [ext. PID MODULE.TARGET], text.
_LINE = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+) \[ext\. [^\]]*\] ?(?P<text>.*)$")

OWN_FIELDS = frozenset(
    {"time", "level", "logger", "thread", "message", "traceback", "scan", "client", "protocol", "models"}
)
"""Of a line of a node of ours, those that our own log has, too; what is left says what the scan has shown."""


@dataclass(frozen=True)
class _Line:
    """One line; ``level`` is empty where no logger wrote it: an error of the interpreter or of a library."""

    text: str
    level: str = ""
    of_scan: dict[str, Any] = field(default_factory=dict)

    @property
    def is_telling(self) -> bool:
        """Whether it tells more than where in the code: no frames of a traceback, no routine log."""
        is_frame = not self.level and self.text.startswith((" ", "Traceback "))
        return bool(self.text.strip()) and not is_frame and self.level in ("", "ERROR", "CRITICAL")


class NodeLog:
    """Reads the output of a process in a thread of its own, so that the process never waits for us.

    Parameters
    ----------
    stream
        Its stdout and stderr in one.
    name
        The node's name.

    Raises
    ------
    PipelineError
        No thread can be started.
    """

    def __init__(self, stream: IO[bytes] | None, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lines: deque[_Line] = deque(maxlen=N_KEPT)
        # What it hands on belongs to the scan that the node was started for.
        read = contextvars.copy_context().run
        self._thread = threading.Thread(target=read, args=(self._read,), name=f"log of {name}", daemon=True)
        start_thread(self._thread)

    def last_words(self) -> str:
        """Give the last lines that say why the process ended, once it has."""
        # The process may have ended before all that it wrote was read.
        self._thread.join(JOIN_S)
        telling = [line.text.strip() for line in list(self._lines) if line.is_telling][-N_LAST_WORDS:]
        # A traceback's last line often repeats what was logged, with the exception's name in front.
        new = [text for number, text in enumerate(telling) if not any(text in later for later in telling[number + 1 :])]
        return " | ".join(new)

    def close(self) -> None:
        """Release the stream once it has ended; a grandchild may keep it open."""
        self._thread.join(JOIN_S)
        if self._stream is not None and not self._thread.is_alive():
            self._stream.close()

    def _read(self) -> None:
        for content in self._stream or ():
            for line in _lines_of(content.decode("utf-8", "replace").rstrip()):
                self._lines.append(line)
                level = logging.getLevelName(line.level or "INFO")
                # Our own nodes begin with their name, for the log of a Gadgetron; others may not.
                words = line.text.strip().removeprefix(f"{self._name}: ")
                level = level if isinstance(level, int) else logging.INFO
                logger.log(level, "%s: %s", self._name, words, extra={SCAN_FIELDS: line.of_scan})


def _lines_of(text: str) -> Iterator[_Line]:
    """Read what was written as one line: by a node of ours (JSON), by the package's logger, or by whatever else."""
    said = _document(text)
    if said is None:
        match = _LINE.match(text)
        yield _Line(match["text"], match["level"]) if match else _Line(text)
        return
    # Only the node knows which models it has opened.
    note_scan(models=said.get("models", ()))
    of_scan = {name: value for name, value in said.items() if name not in OWN_FIELDS}
    yield from (_Line(line, str(said.get("level", "")), of_scan) for line in said["message"].splitlines())
    yield from (_Line(line) for line in said.get("traceback", "").splitlines())


def _document(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) and isinstance(said.get("message"), str) else None
