"""Pages that a command writes: their names say what is in them."""

from __future__ import annotations

from pathlib import Path

from gadgets.errors import RawDataError

PAGE = (".html", ".htm")


def check_ending(path: Path, endings: tuple[str, ...] = PAGE) -> None:
    """Raise RawDataError unless a name ends with one of ``endings``, in whatever letters."""
    if path.suffix.lower() not in endings:
        raise RawDataError(f"{path}: expected a name that ends with {endings[0]}, found {path.suffix or 'none'}")
