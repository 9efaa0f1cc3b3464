"""The version of despark that runs."""

from __future__ import annotations

from importlib import metadata


def despark_version() -> str:
    """Give the installed version; a checkout that was not installed has none."""
    try:
        return metadata.version("despark")
    except metadata.PackageNotFoundError:
        return "0+unknown"
