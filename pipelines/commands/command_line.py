"""The ``despark`` command.

Only the command that is called is imported, so that ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, NamedTuple, NoReturn

import typer

from onnx_models.errors import DesparkError
from pipelines.commands.terminal.ending import ERASE_LINE, STDERR, at_once, in_order, take_signals
from pipelines.commands.terminal.failures import told_in_one_line
from pipelines.commands.terminal.unread import watch_standard_streams
from pipelines.commands.terminal.words import CheckedCommand, CommandsWithHints
from pipelines.forking import fork_here
from pipelines.thread_limits import limit_threads
from pipelines.version import despark_version

COMPLETION = "_DESPARK_COMPLETE"
"""Set by the shell where it wants words completed."""

BUILD_DATE, MOST_DIGITS = "SOURCE_DATE_EPOCH", 11

HELP = frozenset({"-h", "--help"})
SILENT = HELP | {"-q", "--quiet"}


class Command(NamedTuple):
    """Where a command is found, and what it is for."""

    module: str
    function: str
    help: str


# In the order in which somebody meets them.
COMMANDS: Mapping[str, Command] = {
    "demo": Command("pipelines.commands.demo.command", "demo", "Do the main job on a file made for it, with pictures."),
    "inspect": Command("pipelines.commands.inspect", "inspect", "Look at scans, and say whether there were sparks."),
    "replay": Command("pipelines.commands.replay", "replay", "Repair a raw file: stream it through a chain."),
    "log": Command("pipelines.commands.log", "log", "Show what was found over days."),
    "console": Command("pipelines.commands.console", "console", "Watch scans in a browser, and judge what was found."),
    "serve": Command("pipelines.commands.serve", "serve", "Run the embedded host, for any Gadgetron client."),
    "worker": Command("pipelines.commands.worker", "worker", "Serve the nodes to <connect>, models opened once."),
    "stream": Command("pipelines.commands.stream", "stream", "Run a chain as a filter on an MRD stream."),
    "image": Command("pipelines.commands.image", "image", "Repair images of which there are no raw data."),
    "simulate": Command("pipelines.commands.simulate", "simulate", "Put physical sparks into a raw file."),
    "accept": Command("pipelines.commands.accept", "accept", "Count simulated sparks that came back repaired."),
    "benchmark": Command("pipelines.commands.benchmark", "benchmark", "Score detection, repair and speed."),
    "train": Command("pipelines.commands.train", "train", "Train a site's own models from its own raw files."),
    "models": Command("pipelines.commands.models", "models", "Show what is installed: roles, hashes, providers."),
    "doctor": Command("pipelines.commands.doctor.command", "doctor", "See whether this installation is well."),
}

STARTS_NODES = ("replay", "serve", "demo")
READS_FILES = (*STARTS_NODES, "inspect", "image", "simulate", "accept", "console", "doctor")
IN_PROCESS = ("worker", "stream", "inspect", "console", "doctor")
"""Commands that run nodes in their own process."""


def build_app(called: str | None) -> typer.Typer:
    """Make the command line; only the command that is called is more than a name and a line of help."""
    app = typer.Typer(
        name="despark",
        cls=CommandsWithHints,
        help="""Find spark artifacts in raw MRI k-space and repair just the bad samples.

        Not a medical device. Every command has help of its own.

        Example: despark replay --help""",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, command in COMMANDS.items():
        if name == called:
            function = getattr(importlib.import_module(command.module), command.function)
            app.command(name, cls=CheckedCommand)(function)
        elif importlib.util.find_spec(command.module) is not None:
            app.command(name, help=command.help)(_not_called)
    return app


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; failures of ours become one line on standard error and exit code 1."""
    is_program = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    words = completed_words(os.environ) if COMPLETION in os.environ else arguments
    called = next((word for word in words if not word.startswith("-")), None)
    if called in {*IN_PROCESS, *READS_FILES}:
        limit_threads(os.environ)
    if is_program:
        # Pictures go to files. A notebook names its own backend to all that it starts, installed here or not.
        os.environ["MPLBACKEND"] = "agg"
        take_signals(at_once)
    try:
        with told_in_one_line():
            if is_program:
                have_standard_descriptors()
                watch_standard_streams()
                check_build_date(os.environ)
            with starting(called, arguments):
                app = build_app(called)
            if is_program:
                get_ready(called, arguments)
            app(arguments, prog_name="despark")
    finally:
        if is_program:
            take_signals(at_once)
    raise SystemExit(0)


def get_ready(called: str | None, arguments: Sequence[str]) -> None:
    """Do what has to come after all is imported, and before the work."""
    # NumPy's remarks on numbers beyond its precision are for programmers; what comes of them is said.
    # Not before all is imported: ismrmrd has every warning shown from then on.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    if called in READS_FILES and not HELP.intersection(arguments):
        # No thread runs yet: what is forked now forks readers of files and nodes.
        fork_here(for_nodes=called in STARTS_NODES)
    # Only now: Python swallows an exception while it forks, and the lock that it was about to give back is held for
    # ever.
    take_signals(in_order())


def have_standard_descriptors() -> None:
    """Open those that whoever started this program has closed: what is opened next would be taken for one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass
    os.close(descriptor)


def check_build_date(environment: Mapping[str, str]) -> None:
    """See that a date which build tools set is one: NumPy and Matplotlib end at any other, the former when imported.

    Raises
    ------
    DesparkError
        It is no number of seconds.
    """
    date = environment.get(BUILD_DATE, "0")
    if not (date.isdecimal() and len(date) <= MOST_DIGITS):
        raise DesparkError(f"{BUILD_DATE} in the environment: expected seconds since 1970, found {date!r}")


def completed_words(environment: Mapping[str, str]) -> list[str]:
    """Give the words that a shell wants completed, without the program's name."""
    line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:]


@contextmanager
def starting(called: str | None, arguments: Sequence[str]) -> Iterator[None]:
    """Show on a terminal that a command starts, while what it needs is imported."""
    is_shown = called in COMMANDS and not SILENT.intersection(arguments) and sys.stderr and sys.stderr.isatty()
    if is_shown:
        typer.echo(f"despark: {called} starts …", err=True, nl=False)
    try:
        yield
    finally:
        if is_shown:
            typer.echo(ERASE_LINE, err=True, nl=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"despark {despark_version()}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Take the options that stand before any command."""


def _not_called() -> None:
    """Stand for a command that another one was called instead of."""


if __name__ == "__main__":
    main()
