"""The logbook: what its file holds, written and read.

Beside the scans it holds the history: what people said of them, one JSON document each, whose meaning is not ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pydantic import ValidationError

from gadgets.errors import StoreError
from gadgets.logbook.scan_entry import ScanEntry
from gadgets.logbook.tables import opened

logger = logging.getLogger(__name__)

KEPT_DAYS, MOST_SCANS = 730, 100_000
"""Older entries are dropped, and the oldest of more than these: some hundred megabytes at most."""

DROPPED_AT_ONCE = 4
"""Of those that are too old, with each new entry: a clock that goes wrong for a day must not take all of them along."""

MAGIC = b"SQLite format 3\0"
"""What a file of this kind begins with."""

_INSERT = "INSERT INTO scans (ended, protocol, station, source, sparks, entry) VALUES (?, ?, ?, ?, ?, ?)"
_OLD = """
DELETE FROM scans WHERE id <= (SELECT max(id) FROM scans) - ?
    OR id IN (SELECT id FROM scans WHERE ended < ? ORDER BY ended LIMIT ?)
"""
# By instr(), as names are full of underscores, which LIKE takes for any character.
_SELECT = """
SELECT entry FROM scans
WHERE ended >= :since AND ended < :until
    AND instr(lower(protocol), lower(:protocol)) > 0 AND instr(lower(station), lower(:station)) > 0
ORDER BY ended, id
"""
_LAST = "SELECT id, entry FROM scans ORDER BY ended DESC, id DESC LIMIT ?"
_ONE = "SELECT entry FROM scans WHERE id = ?"
_SAID = "INSERT INTO history (entry) VALUES (?)"
_ALL_SAID = "SELECT entry FROM history ORDER BY id"
_TAKEN = "INSERT OR IGNORE INTO taken_over (sha256) VALUES (?)"
_SUM = "SELECT count(*), coalesce(sum(sparks), 0) FROM scans WHERE ended >= ?"


class Logbook:
    """The scans that were seen on this machine.

    Parameters
    ----------
    path
        The file; it is made, with its folder, when the first entry comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._has_warned = False

    def prepare(self) -> None:
        """See that entries can be written; raises StoreError where they cannot."""
        with opened(self.path):
            pass

    def add(self, entry: ScanEntry) -> int:
        """Write one entry, and drop what is too old; gives the number that it has in this file.

        Raises
        ------
        StoreError
            The file cannot be written, or is none of ours.
        """
        row = (entry.ended, entry.protocol, entry.station, entry.source, entry.sparks, entry.model_dump_json())
        # At every entry, so that no job has to come by to tidy up.
        oldest = datetime.now(timezone.utc) - timedelta(days=KEPT_DAYS)
        with opened(self.path) as connection:
            number = connection.execute(_INSERT, row).lastrowid
            connection.execute(_OLD, (MOST_SCANS, oldest.isoformat(timespec="seconds"), DROPPED_AT_ONCE))
        # An INSERT that raised nothing has a number.
        return int(number or 0)

    # Times are compared as texts: a 9 comes behind all of them.
    def entries(self, since: str = "", until: str = "9", protocol: str = "", station: str = "") -> Iterator[ScanEntry]:
        """Give the entries in the order of time.

        Parameters
        ----------
        since, until
            Ends of scans in UTC, ISO 8601; the first belongs to what is given, the second does not.
        protocol, station
            A part of the name, upper or lower case.

        Raises
        ------
        StoreError
            The file is not there, cannot be read, or is none of ours.
        """
        # Of what is there and no file, the opening says so.
        if not self.path.exists():
            raise StoreError(f"{self.path}: no scan has been recorded here yet")
        with opened(self.path) as connection:
            wanted = {"since": since, "until": until, "protocol": protocol, "station": station}
            rows = connection.execute(_SELECT, wanted)
            for (text,) in rows:
                if (entry := self._readable(text)) is not None:
                    yield entry

    def last(self, most: int) -> list[tuple[int, ScanEntry]]:
        """Give the last entries with their numbers, the latest first; none where nothing has been recorded yet.

        Raises
        ------
        StoreError
            The file cannot be read, or is none of ours.
        """
        if not self.path.is_file():
            return []
        with opened(self.path) as connection:
            # All at once: the page that asks goes on to other things, and the file is to be closed meanwhile.
            rows = connection.execute(_LAST, (most,)).fetchall()
        # In a damaged file even a number may be missing.
        numbered = [(number, text) for number, text in rows if isinstance(number, int)]
        return [(number, entry) for number, text in numbered if (entry := self._readable(text)) is not None]

    def entry(self, number: int) -> ScanEntry | None:
        """Give the entry with this number; None where there is none. Raises as :meth:`last`."""
        if not self.path.is_file():
            return None
        with opened(self.path) as connection:
            row = connection.execute(_ONE, (number,)).fetchone()
        return None if row is None else self._entry(row[0])

    def totals(self, since: str) -> tuple[int, int]:
        """Count the scans that ended since then (UTC, ISO 8601), and their sparks.

        Raises
        ------
        StoreError
            The file cannot be read, or is none of ours.
        """
        if not self.path.is_file():
            return 0, 0
        with opened(self.path) as connection:
            n_scans, n_sparks = connection.execute(_SUM, (since,)).fetchone()
            return int(n_scans), int(n_sparks)

    def say(self, *texts: str, taken_from: str = "") -> bool:
        """Add to the history; False where that was taken from the same source before, and nothing is added.

        Parameters
        ----------
        texts
            JSON documents.
        taken_from
            A hash that tells where they come from.

        Raises
        ------
        StoreError
            The file cannot be written, or is none of ours.
        """
        with opened(self.path) as connection:
            # In the same transaction as what is said: two processes that take over one file add it once, and a broken
            # one not at all.
            if taken_from and not connection.execute(_TAKEN, (taken_from,)).rowcount:
                return False
            connection.executemany(_SAID, [(text,) for text in texts])
        return True

    def said(self) -> list[bytes]:
        """Give the history, the oldest first; empty where nothing has been recorded yet.

        Raises
        ------
        StoreError
            The file cannot be read, or is none of ours.
        """
        if not self.path.is_file():
            return []
        with opened(self.path) as connection:
            # As bytes, as a file of JSON lines has them: one reader serves both.
            return [str(text).encode() for (text,) in connection.execute(_ALL_SAID)]

    def _readable(self, text: str | bytes) -> ScanEntry | None:
        """Read an entry among others; a damaged one is left out, and said once: it must not take all others along."""
        try:
            return self._entry(text)
        except StoreError as error:
            if not self._has_warned:
                logger.warning("%s; it is left out", error)
            self._has_warned = True
            return None

    def _entry(self, text: str | bytes) -> ScanEntry:
        try:
            return ScanEntry.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "text"
            raise StoreError(f"{self.path}: an entry is damaged ({where}: {first['msg']})") from error
