"""The manners that all commands share: how much they say, where they say it, and what they write for machines.

======================  ============================================================
standard output         the result: a table for people, or JSON with ``--json -``
standard error          all else: what is being done, how far it is, logs, failures
======================  ============================================================
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gadgets.errors import RawDataError
from gadgets.findings import kind_of
from gadgets.outside import printable
from pipelines.commands.terminal.wrapping import wrapped
from pipelines.files import STDOUT, check_folder, whole_or_nothing
from pipelines.monitoring import JsonLines


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

OURS = ("gadgets", "pipelines", "onnx_models")
MOST_OF_A_KIND = 3
SERVER_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class PrintableConsole(Console):
    """A console to which text can do nothing, whatever a file, a path or a variable has put into it."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of a console
        super().__init__(**options)
        # COLUMNS=0 says nothing, and nothing would be shown.
        self.width = self.width or TERMINAL_WIDTH

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
    if json_file is not None and json_file != STDOUT:
        check_folder(json_file)
    shell = Shell(verbose, quiet, json_file)
    usual = logging.INFO if server else logging.WARNING
    level = logging.ERROR if quiet else max(logging.DEBUG, usual - 10 * verbose)
    is_drawn = shell.terminal.is_terminal and not as_json
    handler = LogOnTerminal(shell.terminal) if is_drawn else logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else _OneLine(server) if server else _Plain())
    handler.addFilter(lambda record: _is_wanted(record, told))
    if not server and not verbose:
        handler.addFilter(_FewOfAKind())
    logging.basicConfig(level=level, handlers=[handler])
    return shell


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
        """Print one record."""
        self._terminal.print(self.format(record), soft_wrap=True, markup=False, highlight=False)


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


def _is_wanted(record: logging.LogRecord, told: tuple[str, ...]) -> bool:
    """Whether a record is of interest: the talk of libraries is not, nor is what the command tells itself."""
    if record.name in told:
        return False
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] in OURS
