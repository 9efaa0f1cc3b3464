"""Parameters as FIRE and OpenRecon send them: a TEXT with JSON between the HEADER and the data.

::

    {"parameters": {"config": "repair_raw", "spark_detection_threshold": 0.8, "calibration.method": "zero"}}
"""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

from gadgets.errors import SettingsError
from gadgets.settings import NODE_SETTINGS

logger = logging.getLogger(__name__)

CONFIGURATIONS = ("config", "customconfig")
"""What may name another configuration; the last one that says something holds."""

MOST_PARAMETERS = 256
"""Each is looked for among all properties of all nodes."""


class Parameters(NamedTuple):
    """What a client asks for beside its configuration.

    Attributes
    ----------
    configuration
        Name of another one; empty where none is asked for.
    settings
        As ``--set`` takes them: ``spark_detection.threshold=0.8``.
    """

    configuration: str = ""
    settings: tuple[str, ...] = ()


def read_parameters(text: str) -> Parameters:
    """Read what concerns us; other parameters are those of other programs, and a text that is no JSON of nobody.

    Raises
    ------
    SettingsError
        There are too many.
    """
    try:
        content = json.loads(text)
    # Brackets inside one another, thousands of them, are beyond the reader's depth.
    except (ValueError, RecursionError) as error:
        logger.warning("the client's additional configuration is not JSON (%s), and is left out", error)
        return Parameters()
    parameters = content.get("parameters") if isinstance(content, dict) else None
    if not isinstance(parameters, dict):
        return Parameters()
    if len(parameters) > MOST_PARAMETERS:
        raise SettingsError(f"expected at most {MOST_PARAMETERS} parameters behind the header, found {len(parameters)}")
    names = [parameters.get(name) for name in CONFIGURATIONS]
    named = [name for name in names if isinstance(name, str) and name]
    settings = [(_property(name), value) for name, value in parameters.items()]
    found = tuple(f"{name}={_as_text(value)}" for name, value in settings if name)
    n_left_out = sum(name not in CONFIGURATIONS and not _property(name) for name in parameters)
    if n_left_out:
        # Not by their names, which others have given: they may tell of the patient.
        logger.info("%d of %d parameters of the client are no settings, and are left out", n_left_out, len(parameters))
    return Parameters(named[-1] if named else "", found)


def _property(name: str) -> str:
    """Give ``NODE.PROPERTY`` of a name with a dot or, as scanners want plain words, an underscore behind the node."""
    for node in NODE_SETTINGS:
        # Names of nodes have underscores themselves, so that a name cannot be cut at the first of them.
        if name.startswith((f"{node}.", f"{node}_")):
            return f"{node}.{name[len(node) + 1 :]}"
    return ""


def _as_text(value: Any) -> str:  # noqa: ANN401 - what JSON holds
    """Write a value as it stands in a chain: JSON's true as the word."""
    return json.dumps(value) if isinstance(value, bool) else str(value)
