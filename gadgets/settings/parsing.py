"""From the properties of a node's ``<configuration>``, or of a command line, to its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gadgets.errors import SettingsError
from gadgets.outside import XMLError, name_of, parse_xml, quoted
from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.settings.suggestions import did_you_mean, meant_or_known

# By the beginnings of their names, as there are several for one type (float_type, float_parsing). The first that fits
# is taken: of two that begin alike the longer one goes before.
EXPECTED = {
    "float": "a number",
    "finite_number": "a finite number",
    "int": "a whole number",
    "bool": "true or false",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "multiple_of": "a multiple of {multiple_of}",
}
"""What pydantic's kinds of complaints ask for."""

MOST_COMPLAINTS = 8

MOST_PROPERTIES = 1000
"""In one configuration: far more than there are. Each chain is looked through several times before a scan begins."""

PART = "part"
"""Attribute of the ``<configuration>`` of a node that had none."""

SettingsT = TypeVar("SettingsT", bound=BaseModel)


def properties_of(configuration: bytes | str | None, node: str) -> dict[str, str]:
    """Read the ``<property name= value=>`` elements of a node's ``<configuration>``.

    Parameters
    ----------
    configuration
        The XML as it came on the wire. Gadgetron sends the bare XML declaration where a node has none.
    node
        The node's name, for the message of an error.

    Raises
    ------
    SettingsError
        The XML does not parse, or holds anything but properties.
    """
    text = _without_declaration(configuration)
    if not text:
        return {}
    try:
        root = parse_xml(text)
    except XMLError as error:
        raise SettingsError(f"{node}: the configuration is {error}") from error
    if len(root) > MOST_PROPERTIES:
        raise SettingsError(f"{node}: expected at most {MOST_PROPERTIES} properties, found {len(root)}")
    properties: dict[str, str] = {}
    for element in root:
        name, value = element.get("name"), element.get("value")
        tag = name_of(element)
        if tag != "property" or name is None or value is None:
            raise SettingsError(f'{node}: expected <property name="…" value="…"/> in the configuration, found <{tag}>')
        properties[name] = value
    stray = "".join(filter(None, (root.text, *(element.tail for element in root)))).strip()
    if stray:
        raise SettingsError(
            f'{node}: expected <property name="…" value="…"/> in the configuration, found the text {quoted(stray)}'
        )
    return properties


def sees_a_part(configuration: bytes | str | None) -> bool:
    """Tell whether a node may get a part of its scan only.

    Inside ``<distributed>`` each machine does, and a Gadgetron hands on no ``<configuration>`` there. A worker that
    puts its own in the place keeps the mark (:data:`PART`).
    """
    text = _without_declaration(configuration)
    return not text or text.startswith(f"<configuration {PART}=")


def _without_declaration(configuration: bytes | str | None) -> str:
    text = configuration.decode("utf-8", "replace") if isinstance(configuration, bytes) else configuration or ""
    declaration_end = text.find("?>") + 2 if text.lstrip().startswith("<?xml") else 0
    return text[declaration_end:].strip("\0 \t\r\n")


def validate(properties: Mapping[str, Any], model: type[SettingsT], node: str) -> SettingsT:
    """Turn properties into settings; dotted names go to the stage before the dot.

    Raises
    ------
    SettingsError
        A property is unknown, or its value is of the wrong type; the first of them are named.
    """
    nested: dict[str, Any] = {}
    for name, value in properties.items():
        # From Python a mapping may have any keys.
        if not isinstance(name, str):
            raise SettingsError(f"{node}: expected the name of a property, found {quoted(name)}")
        stage, dot, field = name.partition(".")
        # A stage that was given a value as a whole keeps it: pydantic then says what is wrong with it.
        if dot and isinstance(nested.setdefault(stage, {}), dict):
            nested[stage][field] = value
        elif not dot:
            nested[name] = value
    try:
        return model.model_validate(nested)
    except ValidationError as error:
        items = error.errors()
        # Not all: whoever sends thousands reads none of them.
        more = f"; and {len(items) - MOST_COMPLAINTS} more" if len(items) > MOST_COMPLAINTS else ""
        said = "; ".join(_complaint(node, item, model) for item in items[:MOST_COMPLAINTS])
        raise SettingsError(f"{said}{more}") from error


def strict(settings: SettingsT) -> SettingsT:
    """Give settings by which every failure is an error, as before a scan, when nothing can be lost yet."""
    changes: dict[str, Any] = {
        name: "fail" if name == "on_failure" else strict(value)
        for name, value in settings
        if name == "on_failure" or isinstance(value, BaseModel)
    }
    return settings.model_copy(update=changes)


def property_names(model: type[BaseModel]) -> list[str]:
    """Name the properties of a node, those of the stages that it joins with the stage's name in front."""
    names = []
    for name, field in model.model_fields.items():
        stage = _stage_of(field.annotation)
        names += [name] if stage is None else [f"{name}.{own}" for own in property_names(stage)]
    return names


# A server may let its clients name no files; these words they may say.
PATH_WORDS = {"record": ("auto", "off"), "history": ("none", "auto")}
"""Of settings that are files, the words that name none of a client's choice; the first is what holds by itself."""


def path_settings(node: str) -> dict[str, tuple[str, ...]]:
    """Name the properties of a node whose values are files or folders, each with the words that name none."""
    names = (name for name in property_names(NODE_SETTINGS[node]) if _is_path(NODE_SETTINGS[node], name))
    return {name: PATH_WORDS.get(name.rpartition(".")[2], ("none",)) for name in names}


def _is_path(model: type[BaseModel], name: str) -> bool:
    own, _, field = name.partition(".")
    annotation: Any = model.model_fields[own].annotation
    if field:
        return _is_path(annotation, field)
    # The logbook's file is a text, as words stand for places of it.
    return name == "record" or annotation is Path or Path in get_args(annotation)


def _stage_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any type may stand in an annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _complaint(node: str, item: ErrorDetails, model: type[BaseModel]) -> str:
    name = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{node}.{name}: {_expected(item)}"
    if isinstance(item["input"], dict):
        # No stage of ours: it is told with the setting that was meant for it.
        name = f"{name}.{next(iter(item['input']), '')}"
    known = property_names(model)
    stage = f"{item['loc'][0]}."
    # Of a stage that is named, its own properties are what can be meant.
    of_stage = [each for each in known if each.startswith(stage)]
    return f"{node}: unknown property {quoted(name)}{meant_or_known(name, of_stage or known)}"


def _expected(item: ErrorDetails) -> str:
    """Say in our words what was expected in place of a value, and which one may have been meant."""
    context, found = item.get("ctx") or {}, item["input"]
    if item["type"] == "literal_error":
        # Pydantic writes the values as 'a', 'b' or 'c'.
        known = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return f"expected one of {', '.join(known)}; found {quoted(found)}{did_you_mean(str(found), known)}"
    for kind, words in EXPECTED.items():
        if item["type"].startswith(kind):
            return f"expected {words.format(**context)}, found {quoted(found)}"
    return f"{item['msg'].removeprefix('Value error, ')}, found {quoted(found)}"


def read_settings(configuration: bytes | str | None, model: type[SettingsT], node: str) -> SettingsT:
    """Read and check the settings of a node from its ``<configuration>``."""
    return validate(properties_of(configuration, node), model, node)
