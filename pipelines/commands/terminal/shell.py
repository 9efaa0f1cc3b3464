"""The manners that all commands share: how much they say, where they say it, and what they write for machines.

======================  ============================================================
standard output         the result: a table for people, or JSON with ``--json -``
standard error          all else: what is being done, how far it is, logs, failures
======================  ============================================================
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gadgets.errors import RawDataError
from gadgets.outside import printable
from pipelines.commands.terminal.logs import log_to
from pipelines.commands.terminal.unread import be_brief_with_log
from pipelines.commands.terminal.wrapping import wrapped
from pipelines.files import STDOUT, check_text, whole_or_nothing


def verbose_option(what: str) -> Any:  # noqa: ANN401 - what typer makes of an option
    """Give the option ``-v`` of a command, whose help tells what it adds there."""
    return typer.Option("--verbose", "-v", count=True, show_default=False, help=f"{what}; -vv says all.")


Verbose = Annotated[int, verbose_option("Say which models run where")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the result for machines; - is standard output."),
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", "--json", metavar="FILE", help="Write the result for machines (JSON); - is standard output."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NODE.PROPERTY=VALUE", help="Change a setting of a node. May be given again."),
]
Group = Annotated[str, typer.Option(metavar="NAME", help="HDF5 group that holds the raw data.")]

TERMINAL_WIDTH = 80
PIPE_WIDTH = 132
"""A pipe has no width; long names need some."""


class PrintableConsole(Console):
    """A console to which text can do nothing, whatever a file, a path or a variable has put into it."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of a console
        super().__init__(**options)
        # COLUMNS=0 says nothing, and nothing would be shown.
        self.width = self.width or TERMINAL_WIDTH

    def on_broken_pipe(self) -> None:
        """Leave it to the command what it means that nobody reads; the console itself would end the process."""
        raise

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make what is shown; colours and the like are no text, and stay."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text, keep="\n", most=len(text)), style, control)


@dataclass(frozen=True)
class Shell:
    """What a command says, and where.

    Attributes
    ----------
    verbose, quiet, json_file
        The options that all commands have.
    terminal
        Standard error.
    """

    verbose: int = 0
    quiet: bool = False
    json_file: Path | None = None
    terminal: Console = field(default_factory=lambda: PrintableConsole(stderr=True))

    def say(self, text: str) -> None:
        """Say one line on standard error, unless all is to be quiet."""
        if not self.quiet:
            self.complain(text)

    def complain(self, text: str) -> None:
        """Say one line on standard error, quiet or not: what went wrong."""
        # A log on a full disk, or that nobody reads any more, must not cost the scan.
        with suppress(OSError):
            _print(self.terminal, f"despark: {printable(text)}", highlight=False)

    def show(self, *results: RenderableType, pipe_width: int = PIPE_WIDTH) -> None:
        """Show the result to a person: on standard output, or beside it where that is taken by JSON."""
        if self.quiet:
            return
        console = self._console(pipe_width)
        with _writing_to("the terminal" if console.stderr else "standard output"):
            for result in results:
                if isinstance(result, str):
                    _print(console, result)
                else:
                    console.print(result, markup=False)

    def width(self, pipe_width: int = PIPE_WIDTH) -> int:
        """Give the number of columns that a result is shown in; a pipe has as many as it is said to have."""
        return self._console(pipe_width).width

    def _console(self, pipe_width: int) -> Console:
        console = self.terminal if self.json_file == STDOUT else PrintableConsole()
        return console if console.is_terminal else PrintableConsole(width=pipe_width, stderr=console.stderr)

    def write_json(self, text: str) -> None:
        """Write the result for machines where it was asked for: a whole file or none, or standard output.

        Raises
        ------
        RawDataError
            The file cannot be written.
        """
        if self.json_file == STDOUT:
            with _writing_to("standard output"):
                typer.echo(text)
        elif self.json_file is not None:
            with whole_or_nothing(self.json_file) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")


def _print(console: Console, text: str, *, highlight: bool | None = None) -> None:
    """Print a sentence: on a terminal wrapped at words, in a pipe in one line, for whoever reads it there."""
    said = wrapped(text, console.width) if console.is_terminal else text
    console.print(said, soft_wrap=True, markup=False, highlight=highlight)


@contextmanager
def _writing_to(target: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # a reader that has read enough is no failure
    except OSError as error:
        raise RawDataError(f"{target}: cannot be written ({error.strerror or error})") from error


def open_shell(
    verbose: int,
    quiet: bool,
    json_file: Path | None = None,
    *,
    told: tuple[str, ...] = (),
    server: str = "",
    as_json: bool = False,
) -> Shell:
    """Set up what a command says and logs, and see that its JSON can be written.

    Parameters
    ----------
    verbose, quiet, json_file
        The options that all commands have.
    told
        Loggers whose failures the command itself tells in the end.
    server
        Format of the log of a command that serves: it says what happens without being asked to.
    as_json
        Write the log for programs, a document per line.

    Raises
    ------
    RawDataError
        The JSON cannot be written there.
    """
    if verbose and quiet:
        raise typer.BadParameter("expected --verbose or --quiet, found both")
    if json_file is not None:
        check_text(json_file)
    shell = Shell(verbose, quiet, json_file)
    usual = logging.INFO if server else logging.WARNING
    level = logging.ERROR if quiet else max(logging.DEBUG, usual - 10 * verbose)
    is_few = not server and not verbose
    if server:
        be_brief_with_log()
    log_to(shell.terminal, level, told=told, server=server, as_json=as_json, few_of_a_kind=is_few)
    return shell
