"""The program ``despark``: what it needs takes a moment to import, in which it may be told to end already."""

from __future__ import annotations

from typing import NoReturn

from pipelines.commands.terminal.ending import at_once, leave, take_signals


def main() -> NoReturn:
    """Run the command that was typed."""
    take_signals(at_once)
    # Not at the top: Python itself would answer to Ctrl-C, by a page of its own insides.
    from pipelines.commands.command_line import main as run

    try:
        run()
    except SystemExit as ended:
        leave(int(ended.code or 0))


if __name__ == "__main__":
    main()
