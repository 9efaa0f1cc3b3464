"""Variants: despark with several settings side by side, on the same sparks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from gadgets.errors import SettingsError

Properties: TypeAlias = Mapping[str, str]

FORM = "NAME:NODE.PROPERTY=VALUE,…"


def read_setting(setting: str, option: str = "--set") -> tuple[str, str]:
    """Split ``NODE.PROPERTY=VALUE`` into the property's name and its value; ``raw_repair.`` in front may be left out.

    Raises
    ------
    SettingsError
        It has no value, or its name no node.
    """
    name, equals, value = setting.partition("=")
    if not equals or "." not in name:
        raise SettingsError(f"{option}: expected NODE.PROPERTY=VALUE, found {setting!r}")
    return name.strip().removeprefix("raw_repair."), value


def read_properties(settings: Sequence[str], models: Path | None) -> dict[str, str]:
    """Turn ``NODE.PROPERTY=VALUE`` and the folder of models into properties of ``raw_repair``.

    Raises
    ------
    SettingsError
        A setting has no value.
    """
    properties = {}
    if models is not None:
        properties = {"spark_detection.models": str(models), "calibration.models": str(models)}
    return properties | dict(read_setting(setting) for setting in settings)


def read_variants(texts: Sequence[str], common: Properties, taken: Sequence[str]) -> dict[str, Properties]:
    """Read variants of despark from ``NAME:NODE.PROPERTY=VALUE,NODE.PROPERTY=VALUE``.

    Parameters
    ----------
    texts
        One for each variant. A comma separates settings only where another ``NODE.PROPERTY=`` follows it. A name
        without settings is despark as the others start from.
    common
        Settings that hold where a variant says nothing else.
    taken
        Names that are those of rivals already.

    Returns
    -------
        The properties of each variant by its name, in the order given.

    Raises
    ------
    SettingsError
        A variant has no name or no valid setting, or its name is taken.
    """
    variants: dict[str, Properties] = {}
    for text in texts:
        name, _, listed = text.partition(":")
        name = name.strip()
        if not name or "=" in name:
            raise SettingsError(f"--variant: expected {FORM}, found {text!r}")
        if name in variants or name in taken:
            raise SettingsError(f"--variant: expected names that differ, found {name!r} twice")
        # Values may hold commas themselves.
        settings = re.split(r",(?=\s*\w+\.\w+=)", listed) if listed.strip() else []
        # The variant's own settings last, as they are to win over those in common.
        variants[name] = {**common, **dict(read_setting(each.strip(), "--variant") for each in settings)}
    return variants
