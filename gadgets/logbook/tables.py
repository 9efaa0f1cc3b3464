"""The file of the logbook: an SQLite data base that many processes may write to at once."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gadgets.errors import StoreError

LONGEST_WAIT_S = 2.0
"""For another process that writes: an entry takes milliseconds, and a scan must not wait for a stuck one."""

MOST_STEPS, STEPS_AT_ONCE = 1000, 100_000
"""Of SQLite's machine for one question: some hundred times what all entries take. A file of somebody else's may hold
what never ends in the place of a table, and meanwhile nothing in this process is heard."""

VERSION = 2
"""Of the tables, in the file's ``user_version``."""

_TABLES = (
    """
CREATE TABLE IF NOT EXISTS scans (
    id INTEGER PRIMARY KEY, ended TEXT NOT NULL, protocol TEXT NOT NULL, station TEXT NOT NULL, source TEXT NOT NULL,
    sparks INTEGER NOT NULL, entry TEXT NOT NULL)
""",
    "CREATE INDEX IF NOT EXISTS scans_ended ON scans (ended)",
    "CREATE TABLE IF NOT EXISTS history (id INTEGER PRIMARY KEY, entry TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS taken_over (sha256 TEXT PRIMARY KEY)",
)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for one transaction; it is made, with its folder and tables, where it is not there.

    Raises
    ------
    StoreError
        It cannot be used or written, or a newer despark has written it.
    """
    try:
        if path.exists() and not path.is_file():
            found = "a folder" if path.is_dir() else "a device or a pipe"
            raise StoreError(f"{path}: the logbook cannot be used (expected a file, found {found})")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened anew for each entry: a node is one of many processes, and lives as long as a scan.
        with closing(sqlite3.connect(path, timeout=LONGEST_WAIT_S)) as connection, connection:
            steps = itertools.count()
            connection.set_progress_handler(lambda: next(steps) > MOST_STEPS, STEPS_AT_ONCE)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            # What newer tables mean nobody knows here.
            if version > VERSION:
                raise StoreError(f"{path}: written by a newer despark (version {version} of the table)")
            if version < VERSION:
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            yield connection
    # In a damaged file the very names of columns may be no text, nor need be what is looked for; what SQLite says of it
    # may have lines.
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise StoreError(f"{path}: the logbook cannot be used ({' '.join(str(error).split())})") from error
    except OSError as error:
        raise StoreError(f"{path}: the logbook cannot be written ({error.strerror or error})") from error
