"""What a node's process writes: handed on to our own log, and kept for the case that the node fails."""

from __future__ import annotations

import contextvars
import logging
import re
import threading
from collections import deque
from typing import IO

logger = logging.getLogger(__name__)

# Lines that are kept of each node, those that make its last words, and the wait for the last of them.
N_KEPT = 200
N_LAST_WORDS = 3
JOIN_S = 2.0

# As the gadgetron package formats it: date, time, level, [ext. PID MODULE.TARGET], text.
_LINE = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+) \[ext\. [^\]]*\] ?(?P<text>.*)$")


class NodeLog:
    """Reads the output of a process in a thread of its own, so that the process never waits for us.

    Parameters
    ----------
    stream
        Its stdout and stderr in one.
    name
        The node's name.
    """

    def __init__(self, stream: IO[bytes] | None, name: str) -> None:
        self._stream = stream
        self._name = name
        self._lines: deque[str] = deque(maxlen=N_KEPT)
        # What it hands on belongs to the scan that the node was started for.
        read = contextvars.copy_context().run
        self._thread = threading.Thread(target=read, args=(self._read,), name=f"log of {name}", daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """Give the last lines that say why the process ended, once it has."""
        # The process may have ended before all that it wrote was read.
        self._thread.join(JOIN_S)
        telling = [_text_of(line) for line in list(self._lines) if _is_telling(line)][-N_LAST_WORDS:]
        # A traceback's last line often repeats what was logged, with the exception's name in front.
        new = [text for number, text in enumerate(telling) if not any(text in later for later in telling[number + 1 :])]
        return " | ".join(new)

    def close(self) -> None:
        """Release the stream once it has ended; a grandchild may keep it open."""
        self._thread.join(JOIN_S)
        if self._stream is not None and not self._thread.is_alive():
            self._stream.close()

    def _read(self) -> None:
        for line in self._stream or ():
            text = line.decode("utf-8", "replace").rstrip()
            self._lines.append(text)
            match = _LINE.match(text)
            level = logging.getLevelName(match["level"]) if match else logging.INFO
            # Our own nodes begin with their name, for the log of a Gadgetron; others may not.
            words = _text_of(text).removeprefix(f"{self._name}: ")
            logger.log(level if isinstance(level, int) else logging.INFO, "%s: %s", self._name, words)


def _is_telling(line: str) -> bool:
    """Whether a line tells more than where in the code: no frames of a traceback, no routine log."""
    if not line.strip() or line.startswith((" ", "Traceback ")):
        return False
    match = _LINE.match(line)
    # A line without a level was written by no logger: an error of the interpreter or of a library.
    return match is None or match["level"] in ("ERROR", "CRITICAL")


def _text_of(line: str) -> str:
    match = _LINE.match(line)
    return (match["text"] if match else line).strip()
