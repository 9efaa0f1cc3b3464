"""The page of all settings, ``gadgets/SETTINGS.md``, made from the settings themselves.

``python -m gadgets.settings.page`` writes it to standard output. A page written by hand is wrong one day; a test
compares this one with the models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gadgets.settings.contradictions import NEEDS
from gadgets.settings.definitions import NODE_SETTINGS

HEAD = """# What can be set, and what happens if nothing is?

<!-- Made by: python -m gadgets.settings.page > gadgets/SETTINGS.md -->

Each node has its own settings, listed below. All of them have a default: a chain without settings works.
A setting that is unknown, has the wrong type or is out of its range is an error, and the error names it.

## Where a setting comes from

The first of these places that names the setting decides:

| order | where | how |
| --- | --- | --- |
| 1 | command line | `--set spark_detection.threshold=0.9` |
| 2 | the chain | `<property name="threshold" value="0.9"/>` in the `<configuration>` of `spark_detection` |
| | … with `raw_repair` | `<property name="spark_detection.threshold" value="0.9"/>` |
| 3 | the environment of a `despark worker` | `DESPARK_SPARK_DETECTION_THRESHOLD=0.9` |
| 4 | the settings file of a `despark worker` | `{"spark_detection": {"threshold": 0.9}}`, with `--settings FILE.json` |
| 5 | the default | |

In Python: `SparkDetector({"spark_detection.threshold": 0.9})`, see [README.md](../README.md#from-python).

## Words

| word | meaning |
| --- | --- |
| patch | A small part of k-space that a model judges as one, as a rule 32 x 32 samples. |
| target patch | A patch that a model holds to contain abnormal points. |
| abnormal point | A sample of k-space that a spark has changed. |
| radius | Distance from the centre of k-space; 1 is the farther border of each axis. |
| centre | What lies inside 0.1 of the radius. |
| evidence | Maps of k-space in which a spark stands out: see [DECISIONS.md](DECISIONS.md). |
| Max | Magnitudes are divided by Max and cut at 1. Max = factor x standard value. |
| standard value | A reference magnitude of the k-space: see `standard_value`. |
| burst | Consecutive abnormal samples of one readout. |
| M1, M2 | The names of the source document for the models of the centre and of the rest. |

Figures (FIG.) and claims are those of the source document, US 12,386,002 B2: see [METHOD.md](METHOD.md).
"""

GOES_WITH = """## What goes with what

A setting that would have no effect is refused before the scan:

| setting | only with |
| --- | --- |
"""

MODELS_THAT_ARE_NOT_THERE = """| `thresholds_from` = `history` | `history` |
| `patch_sets` other than `single` | a Vision Transformer that judges |

Some combinations have no installed model, and are refused too:

- Vision Transformers, `calibrate`, `check_calibrate` and `one_pass` look at evidence in rectangles only.
- Vision Transformers and `one_pass` need patches of 32 x 32 samples.
- Magnitudes are judged in rectangles only.
- Segments, cuboids and magnitudes have one CNN and one segmentation each, which judge all regions.

`impact` needs a history with 5 records of each level.

With `regions` = `outer` every patch that reaches into the centre is left out.
In a matrix of 64 lines these may be most of the patches.
"""

KIND_OF: Mapping[type, str] = {float: "number", int: "whole number", str: "text", Path: "path"}


def page() -> str:
    """Write the page in Markdown."""
    parts = [HEAD, *(_node(name, model) for name, model in NODE_SETTINGS.items())]
    needs = (f"| `{name}` | `{other}` = {_either(values)} |\n" for name, (other, values) in NEEDS.items())
    return "\n".join([*parts, GOES_WITH + "".join(needs) + MODELS_THAT_ARE_NOT_THERE])


def values_of(field: FieldInfo) -> list[str]:
    """Name the values that a setting can have: words, or the kind of value and its range; the default first."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    # A Literal stands alone, or beside None.
    literals = [kind for kind in (field.annotation, *kinds) if get_origin(kind) is Literal]
    # Where the type says less than is asked for, as of words in a text, examples are all that there can be.
    if field.examples:
        words = [str(example) for example in field.examples]
    elif literals:
        words = list(get_args(literals[0]))
    elif field.annotation is bool:
        words = ["true", "false"]
    else:
        words = [f"{KIND_OF[kinds[0] if kinds else field.annotation]}{_range(field)}"]  # type: ignore[index]
    if type(None) in get_args(field.annotation) and "none" not in words:
        words.append("none")
    default = default_of(field)
    # A number is told by its range alone: its default has a column of its own.
    return [default, *(word for word in words if word != default)] if default in words else words


def default_of(field: FieldInfo) -> str:
    """Write a default as it would be set."""
    return "none" if field.default is None else str(field.default).lower()


def _node(name: str, model: type[BaseModel]) -> str:
    stages = [setting for setting in model.model_fields if setting in NODE_SETTINGS]
    fields = {setting: field for setting, field in model.model_fields.items() if setting not in stages}
    lines = [f"## `{name}`", ""]
    if stages:
        listed = ", ".join(f"`{stage}`" for stage in stages)
        lines += [
            f"It joins the nodes {listed} in one process.",
            "It has their settings, each with the node's name and a dot in front: `spark_detection.threshold`.",
            "`report` holds for all of them, but not for those with a `report` of their own.",
            "",
        ]
    lines += ["| setting | values | default | what for |", "| --- | --- | --- | --- |"]
    lines += [_row(setting, field) for setting, field in fields.items()]
    for setting, field in fields.items():
        lines += _meanings(name, setting, field)
    return "\n".join([*lines, ""])


def _row(name: str, field: FieldInfo) -> str:
    values = ", ".join(values_of(field))
    return f"| `{name}` | {values} | {default_of(field)} | {_lines_of(field)[0]} |"


def _meanings(node: str, setting: str, field: FieldInfo) -> Iterator[str]:
    """Explain the values of a setting, at the first of the nodes that have the same one."""
    said = dict(line.split(": ", 1) for line in _lines_of(field)[1:])
    nodes = [
        name
        for name, model in NODE_SETTINGS.items()
        if setting in model.model_fields and model.model_fields[setting].description == field.description
    ]
    if said and node == nodes[0]:
        heading = ", ".join(f"`{name}.{setting}`" for name in nodes)
        yield from ("", f"### {heading}", "", "| value | meaning |", "| --- | --- |")
        yield from (f"| `{value}` | {said[value]} |" for value in values_of(field) if value in said)


def _lines_of(field: FieldInfo) -> list[str]:
    return (field.description or "").splitlines()


def _range(field: FieldInfo) -> str:
    limits: dict[str, Any] = {}
    for each in field.metadata:
        limits |= {limit: getattr(each, limit) for limit in ("gt", "ge", "le", "multiple_of") if hasattr(each, limit)}
    text = f" above {limits['gt']:g}" if "gt" in limits else ""
    text += f" from {limits['ge']:g}" if "ge" in limits else ""
    text += f" to {limits['le']:g}" if "le" in limits else ""
    return text + (f" in steps of {limits['multiple_of']}" if "multiple_of" in limits else "")


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    sys.stdout.write(page())
