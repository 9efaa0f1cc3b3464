"""What is said when a command fails: one line, and no page of Python's."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from onnx_models.errors import DesparkError
from pipelines.commands.terminal.ending import INTERRUPTED

CANNOT_BE_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
GONE = errno.ENOENT  # without a name: what names are looked up from, where somebody has removed that folder
NOTHING_LEFT = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Make one line on standard error, and exit code 1, of every failure that is no fault of the program."""
    try:
        yield
    except DesparkError as error:
        _say("; ".join(line.strip() for line in str(error).splitlines() if line.strip()))
        raise SystemExit(1) from None
    except OSError as error:
        # Of a file that was named: a name that is too long, or a folder into which nobody may look. Help and tables go
        # to standard output, which has no name.
        unnamed = {
            **dict.fromkeys(CANNOT_BE_WRITTEN, "standard output"),
            **dict.fromkeys(NOTHING_LEFT, "this system"),
            GONE: "the working folder",
        }
        if error.filename is None and error.errno not in unnamed:
            raise
        where = unnamed[error.errno or 0] if error.filename is None else os.fsdecode(error.filename)
        _say(f"{where}: {error.strerror}")
        raise SystemExit(1) from None
    except ImportError as error:
        # Some are loaded where they are needed. Lines of ours may need the one that cannot be.
        typer.echo(f"despark: this installation is not whole, install it again: pip install . ({error})", err=True)
        raise SystemExit(1) from None
    except MemoryError as error:
        _say(f"there is not enough memory ({str(error) or 'MemoryError'})")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        _say("interrupted")
        raise SystemExit(INTERRUPTED) from None


def _say(text: str) -> None:
    # Imported late: it is needed where something has gone wrong, and never for help.
    from gadgets.outside import printable
    from pipelines.commands.terminal.wrapping import wrapped

    said = f"despark: {printable(text)}"
    typer.echo(wrapped(said, shutil.get_terminal_size().columns) if sys.stderr.isatty() else said, err=True)
