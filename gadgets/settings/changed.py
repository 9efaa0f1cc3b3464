"""Which settings are not the defaults: what is worth a word in a record. And which of them name files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.settings.parsing import path_settings

FILES = {name.rpartition(".")[2] for node in NODE_SETTINGS for name in path_settings(node)}
"""Settings, of whichever node, whose values are files or a folder of them."""

_FOLDER = "models"


def changed_settings(settings: BaseModel) -> dict[str, str]:
    """Give the settings that are not the defaults, by name; those of a stage with its name in front.

    Those that name files are left out: these may be called after patients. Which models looked, and whose thresholds
    held, a record says itself.
    """
    changed = _by_name(settings.model_dump(mode="json", exclude_defaults=True))
    return without_files({name: _as_text(value) for name, value in changed.items()})


def without_files(settings: Mapping[str, str]) -> dict[str, str]:
    """Leave out settings that name files."""
    return {name: value for name, value in settings.items() if not names_file(name)}


def names_file(name: str) -> bool:
    """Whether a setting of this name, with or without that of its node, names a file or a folder."""
    return name.rpartition(".")[2] in FILES


def named_files(settings: BaseModel | Mapping[str, str]) -> list[Path]:
    """Give the files that settings name; of a folder one that would lie there."""
    values = _by_name(settings.model_dump(mode="json")) if isinstance(settings, BaseModel) else settings
    named = {name: Path(value) for name, value in values.items() if names_file(name) and value}
    # Whoever leaves folders out of a text leaves out those of files.
    return [path / "manifest.json" if name.endswith(_FOLDER) else path for name, path in named.items()]


def _by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # One level: stages have settings, and settings have no parts.
    for name, value in values.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            found[name] = value
    return found


def _as_text(value: object) -> str:
    # As it would be set: true, and not Python's True.
    return value if isinstance(value, str) else json.dumps(value)
