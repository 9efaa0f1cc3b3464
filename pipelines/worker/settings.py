"""Settings that a worker's nodes have of their own, from a file and from the environment.

An external inside ``<distributed>`` gets no configuration from its Gadgetron, so what it shall do is said where it
runs. The file is JSON, the nodes' names outside and their properties inside::

    {"spark_detection": {"threshold": 0.9, "provider": "cuda"}, "calibration": {"method": "interpolation"}}

In the environment the same is ``DESPARK_SPARK_DETECTION_THRESHOLD=0.9``. The environment goes before the file, and
what a scan's own configuration says before both. Settings of a stage hold for ``raw_repair`` too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from gadgets.errors import SettingsError
from gadgets.logbook import RECORD_VARIABLE
from gadgets.outside import MEMORY_VARIABLE, fits_xml, quoted
from gadgets.settings import (
    NODE_SETTINGS,
    PART,
    did_you_mean,
    meant_or_known,
    properties_of,
    property_names,
    sees_a_part,
    validate,
)
from onnx_models.reading import read_regular
from pipelines.chains import DECLARATION, to_bytes

logger = logging.getLogger(__name__)

PREFIX = "DESPARK_"
NO_SETTINGS = (RECORD_VARIABLE, MEMORY_VARIABLE)
"""Variables of this prefix that are read elsewhere."""

Properties = dict[str, str]


def worker_settings(file: Path | None, environment: Mapping[str, str]) -> dict[str, Properties]:
    """Collect the properties of every node, checked.

    Parameters
    ----------
    file
        JSON, or None.
    environment
        Variables; those that do not begin with ``DESPARK_`` and a node's name are not meant.

    Returns
    -------
        The properties by node, as they stand in a ``<configuration>``.

    Raises
    ------
    SettingsError
        The file cannot be read, a node or a property is unknown, or a value is of the wrong type.
    """
    collected: dict[str, Properties] = {node: {} for node in NODE_SETTINGS}
    # The environment comes last, and so goes before the file.
    for source, node, name, value in [*_from_file(file), *_from_environment(environment)]:
        # The nodes get it as XML.
        if not fits_xml(value):
            raise SettingsError(f"{source}: {node}.{name}: expected characters that XML has, found {quoted(value)}")
        try:
            validate({name: value}, NODE_SETTINGS[node], node)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error
        collected[node][name] = value
    joined = collected["raw_repair"]
    stages = [name for name in NODE_SETTINGS["raw_repair"].model_fields if name in NODE_SETTINGS]
    inherited = {f"{stage}.{name}": value for stage in stages for name, value in collected[stage].items()}
    # What is said of the drop-in itself goes before what is said of its stages.
    collected["raw_repair"] = {**inherited, **joined}
    for node, properties in collected.items():
        validate(properties, NODE_SETTINGS[node], node)
    return collected


def with_defaults(configuration: bytes, defaults: Mapping[str, str], node: str) -> bytes:
    """Put a node's own properties where its CONFIG does not say otherwise.

    A configuration that does not parse is left to the node, which says so to its peer.
    """
    try:
        properties = {**defaults, **properties_of(configuration, node)}
    except SettingsError:
        return configuration
    # Without any, too: the gadgetron package would warn of the bare XML declaration.
    root = Element("configuration", {PART: "true"} if sees_a_part(configuration) else {})
    for name, value in properties.items():
        SubElement(root, "property", {"name": name, "value": value})
    return DECLARATION + to_bytes(root) + b"\n"


def settings_schema() -> dict[str, Any]:
    """Give the JSON schema of a worker's settings file: all settings of all nodes, with what they are for."""
    schemas = {node: model.model_json_schema(ref_template="#/$defs/{model}") for node, model in NODE_SETTINGS.items()}
    # Shared parts stand once, where the references point to.
    shared = {name: part for schema in schemas.values() for name, part in schema.pop("$defs", {}).items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a despark worker, by node",
        "type": "object",
        "properties": schemas,
        "additionalProperties": False,
        "$defs": shared,
    }


def _from_file(file: Path | None) -> list[tuple[str, str, str, str]]:
    """Give what a file says: the file, node, property and value."""
    if file is None:
        return []
    try:
        content = json.loads(read_regular(file))
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{file}: not JSON ({error})") from error
    if not isinstance(content, dict) or not all(isinstance(properties, dict) for properties in content.values()):
        raise SettingsError(f'{file}: expected {{"NODE": {{"PROPERTY": VALUE, …}}, …}}')
    unknown = sorted(content.keys() - NODE_SETTINGS.keys())
    if unknown:
        raise SettingsError(f"{file}: unknown node {unknown[0]!r}{meant_or_known(unknown[0], NODE_SETTINGS)}")
    return [
        (str(file), node, name, _as_text(value, f"{file}: {node}.{name}"))
        for node, properties in content.items()
        for name, value in properties.items()
    ]


def _as_text(value: Any, where: str) -> str:  # noqa: ANN401 - what JSON holds
    # JSON's true would become Python's True: as in an XML property, it has to be written as a text.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SettingsError(f"{where}: expected a text or a number, found {json.dumps(value)}")
    return str(value)


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Give what the environment says: the variable, node, property and value."""
    found = []
    for variable, value in sorted(environment.items()):
        node = next((node for node in NODE_SETTINGS if variable.startswith(f"{PREFIX}{node.upper()}_")), None)
        if node is not None:
            found.append((variable, node, variable.removeprefix(f"{PREFIX}{node.upper()}_").lower(), value))
        # Other variables of this prefix are no settings; one that is like a setting may be meant as one.
        elif (
            variable.startswith(PREFIX)
            and variable not in NO_SETTINGS
            and (meant := did_you_mean(variable, _variables()))
        ):
            logger.warning("%s is set, which is no setting of a node%s", variable, meant)
    return found


def _variables() -> list[str]:
    """Name the variables that are settings; a variable's name cannot hold the dots of a stage."""
    names = [(node, name) for node, model in NODE_SETTINGS.items() for name in property_names(model)]
    return [f"{PREFIX}{node}_{name}".upper() for node, name in names if "." not in name]
