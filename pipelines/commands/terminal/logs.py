"""What a command logs: to a person on a terminal, to a pipe, or for programs."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

from rich.console import Console

from gadgets.findings import kind_of
from gadgets.logbook import this_scan
from gadgets.outside import printable
from pipelines.commands.terminal.wrapping import wrapped
from pipelines.monitoring import JsonLines

OURS = ("gadgets", "pipelines", "onnx_models")
MOST_OF_A_KIND = 3
MOST_IN_A_SCAN, MOST_KINDS = 100, 100
"""Lines of a kind that a server writes of one scan, and kinds; what goes beyond counts as one kind more."""

_MOST_SCANS = 64
SERVER_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def log_to(
    terminal: Console,
    level: int,
    *,
    told: tuple[str, ...] = (),
    server: str = "",
    as_json: bool = False,
    few_of_a_kind: bool = False,
) -> None:
    """Set up the log of this process, on standard error.

    Parameters
    ----------
    terminal
        Standard error.
    level
        What is logged, from which level on.
    told
        Loggers that are left out.
    server
        Format of the log of a command that serves; empty: lines look as all that a command says.
    as_json
        Write the log for programs, a document per line.
    few_of_a_kind
        Let only the first warnings of each kind through.
    """
    is_drawn = terminal.is_terminal and not as_json
    handler = LogOnTerminal(terminal) if is_drawn else logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else _OneLine(server) if server else _Plain())
    handler.addFilter(lambda record: _is_wanted(record, told))
    if few_of_a_kind:
        handler.addFilter(_FewOfAKind())
    if server:
        handler.addFilter(FewInAScan())
    logging.basicConfig(level=level, handlers=[handler])


class LogOnTerminal(logging.Handler):
    """Logs by way of the console that draws the bars, so that neither spoils the other.

    Parameters
    ----------
    terminal
        Standard error.
    """

    def __init__(self, terminal: Console) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; what does not fit into a line goes on below, indented."""
        said = wrapped(self.format(record), self._terminal.width, indent=4)
        self._terminal.print(said, soft_wrap=True, markup=False, highlight=False)


class _OneLine(logging.Formatter):
    """One line per record, whatever a client or a file has put into it; what explains it stands below, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - the base class's
        return "\n".join(f"    {printable(line)}" for line in super().formatException(ei).splitlines())


class _Plain(_OneLine):
    """As everything that the command says: the program's name in front, and how bad it is."""

    def format(self, record: logging.LogRecord) -> str:
        how_bad = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        more = " [more of this kind: -v]" if getattr(record, "is_last_of_kind", False) else ""
        return f"despark: {how_bad}{super().format(record)}{more}"


class _FewOfAKind(logging.Filter):
    """Lets few warnings of a kind through: a series of fifty volumes says the same fifty times."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        kind = kind_of(record.getMessage())
        self._seen[kind] += 1
        record.is_last_of_kind = self._seen[kind] == MOST_OF_A_KIND
        return self._seen[kind] <= MOST_OF_A_KIND


class FewInAScan(logging.Filter):
    """Lets a bounded number of lines of each scan through: a client can have one written for each of its messages."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._scans: dict[str, Counter[str]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written; the last one of its kind says that it is."""
        scan = this_scan().scan
        if not scan:
            return True
        text = record.getMessage()
        with self._lock:
            # The one that was heard of last is the last to be forgotten; those that run are fewer than are kept.
            seen = self._scans[scan] = self._scans.pop(scan, Counter())
            while len(self._scans) > _MOST_SCANS:
                del self._scans[next(iter(self._scans))]
            kind = kind_of(text)
            kind = kind if kind in seen or len(seen) < MOST_KINDS else "others"
            seen[kind] += 1
            count = seen[kind]
        if count == MOST_IN_A_SCAN:
            record.msg, record.args = f"{text} [more lines of this kind are left out in this scan]", ()
        return count <= MOST_IN_A_SCAN


def _is_wanted(record: logging.LogRecord, told: tuple[str, ...]) -> bool:
    """Whether a record is of interest: the talk of libraries is not, nor is what the command tells itself."""
    if record.name in told:
        return False
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OURS
