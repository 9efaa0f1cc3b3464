"""Which settings are not the defaults: what is worth a word in a record."""

from __future__ import annotations

import json

from pydantic import BaseModel


def changed_settings(settings: BaseModel) -> dict[str, str]:
    """Give the settings that are not the defaults, by name; those of a stage with its name in front.

    Where things are written is left out: it changes nothing in what is found.
    """
    changed: dict[str, str] = {}
    for name, value in settings.model_dump(mode="json", exclude_defaults=True).items():
        if isinstance(value, dict):
            changed |= {f"{name}.{inner}": _as_text(each) for inner, each in value.items()}
        else:
            changed[name] = _as_text(value)
    return {name: value for name, value in changed.items() if name.rpartition(".")[2] not in ("report", "record")}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
