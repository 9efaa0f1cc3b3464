"""What typer lets pass or says in too few words: names of commands, numbers that are none, empty paths, Ctrl-C."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from pipelines.commands.terminal.ending import INTERRUPTED


class CommandsWithHints(TyperGroup):
    """The commands, with a hint where one is not known."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer brings a click of its own
        """Find the command that is called, or say which one was meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            # Settings are slow to import, and a word that is not known is rare.
            from gadgets.settings import did_you_mean

            ctx.fail(f"no command {name!r}{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class CheckedCommand(TyperCommand):
    """A command to which nan and inf are no numbers, and nothing is no path: the types of options let them pass."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer brings a click of its own
        """Read the words, and keep them: nothing and a dot are one path."""
        ctx.obj = [word.partition("=")[2] if word.startswith("--") else word for word in args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer brings a click of its own
        """Call it, once its numbers are seen to be some; Ctrl-C ends it with one line."""
        for name, value in ctx.params.items():
            if isinstance(value, float) and not math.isfinite(value):
                ctx.fail(f"--{name.replace('_', '-')}: expected a finite number, found {value}")
            # As of a variable that is not set: it would mean the working directory.
            if Path() in (value if isinstance(value, list) else [value]) and "" in ctx.obj:
                ctx.fail(f"{name.replace('_', '-')}: expected a path, found nothing")
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Here, as typer would end the program without a word.
            typer.echo("despark: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None
