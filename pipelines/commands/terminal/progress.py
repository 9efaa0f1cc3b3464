"""What a command shows while it works: at once what it is doing, then how far it is and how long it will take.

On a terminal a line stays and bars come and go below it; elsewhere the line is all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from pipelines.commands.terminal.shell import Shell
from pipelines.commands.terminal.wrapping import with_short_words

PHASE = "phase"
NAME_WIDTH, BAR_WIDTH = 30, 18
"""With the numbers behind them they fill a line of 80 columns."""


class Work:
    """What is being done.

    Parameters
    ----------
    progress
        Draws the bars, or nothing.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}
        # A scan is sent in one thread and comes back in another.
        self._lock = threading.Lock()

    def phase(self, text: str) -> None:
        """Show what goes on now, of a length that nobody knows, in place of all that was shown before."""
        with self._lock:
            for name in list(self._bars):
                self._remove(name)
            self._bars[PHASE] = self._progress.add_task(f"{text} …", total=None)

    def bar(self, name: str, done: int, total: int, text: str = "") -> None:
        """Show how far something is; `text` is shown in place of its name."""
        with self._lock:
            self._remove(PHASE)
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(text or name, total=total)
            self._progress.update(self._bars[name], completed=done, total=total, description=text or name)

    def end(self, name: str) -> None:
        """Show one bar no more."""
        with self._lock:
            self._remove(name)

    def _remove(self, name: str) -> None:
        if name in self._bars:
            self._progress.remove_task(self._bars.pop(name))


def unseen() -> Work:
    """Give work that nobody watches."""
    return Work(Progress(disable=True))


@contextmanager
def working(shell: Shell, what: str = "") -> Iterator[Work]:
    """Say what is done, and show how far it is until that ends.

    Parameters
    ----------
    shell
        Where it is said, if at all.
    what
        Is said at once and stays; servers leave it out, as their log says it.
    """
    if what:
        # Read and not copied: on a terminal a name that fills a line only hides the rest.
        shell.say(f"{with_short_words(what, shell.terminal.width) if shell.terminal.is_terminal else what} …")
    progress = Progress(
        SpinnerColumn(),
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH),
        ),
        _WhereCounted(BarColumn(bar_width=BAR_WIDTH)),
        _WhereCounted(MofNCompleteColumn()),
        _WhereCounted(TimeRemainingColumn()),
        _WhereCounted(TextColumn("left")),
        console=shell.terminal,
        transient=True,
        disable=shell.quiet or not shell.terminal.is_terminal,
    )
    # Old versions of rich end what they did not show with an empty line.
    with nullcontext() if progress.disable else progress:
        yield Work(progress)


class _WhereCounted(ProgressColumn):
    """A column for work of known length, empty beside all other.

    Parameters
    ----------
    column
        What is shown.
    """

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        """Draw the column for one task."""
        return self._column(task) if task.total is not None else ""
