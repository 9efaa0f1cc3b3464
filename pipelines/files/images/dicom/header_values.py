"""What an MRD header says of patient, study and sequence, in the words and lengths of DICOM."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from functools import reduce
from typing import Any

from ismrmrd.xsd import ismrmrdHeader

SHORT, LONG = 16, 64
"""Most characters of DICOM's short (SH, CS) and long (LO) strings."""

LARGEST_WHOLE = 2**31 - 1 - 1000
"""Of DICOM's integer string (IS), with room for what is added to the number of a series."""

DATE, TIME = (8,), (2, 4, 6)
"""Digits that they have."""

UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")

SEQUENCES = {
    "flash": ("GR", "SP"),
    "gre": ("GR", "NONE"),
    "bssfp": ("GR", "SS"),
    "trufi": ("GR", "SS"),
    "epi": ("EP", "SK"),
    "turbospinecho": ("SE", "SK"),
    "spinecho": ("SE", "NONE"),
}
"""Kinds of sequences as MRD headers name them, with DICOM's ScanningSequence and SequenceVariant."""

OTHER_SEQUENCE = ("RM", "NONE")
"""Research mode: what the header does not name."""


def value(header: ismrmrdHeader, path: str) -> Any:  # noqa: ANN401 - as the header has it
    """Give what a header holds below a path with dots, None where any part of it is absent."""
    return reduce(lambda part, name: getattr(part, name, None), path.split("."), header)


def text(header: ismrmrdHeader, path: str, length: int = LONG) -> str:
    """Give a text of a header as DICOM can hold it; empty where there is none."""
    found = value(header, path)
    # A backslash would divide it into several values.
    return "" if found is None else str(getattr(found, "value", found)).replace("\\", "/").strip()[:length]


def uid(header: ismrmrdHeader, path: str) -> str:
    """Give an identity of a header; empty where it is none that DICOM knows: numbers with dots between them."""
    found = text(header, path)
    return found if UID.fullmatch(found) else ""


def digits(header: ismrmrdHeader, path: str, lengths: Container[int]) -> str:
    """Give a date or a time as DICOM writes them, without anything between the digits; empty where it is none."""
    found = text(header, path).partition(".")[0].replace("-", "").replace(":", "")
    return found if found.isascii() and found.isdigit() and len(found) in lengths else ""


def number(header: ismrmrdHeader, path: str, index: int = 0) -> float | str:
    """Give a number of a header, that of a contrast where it has a list of them; empty where there is none."""
    found = value(header, path)
    if isinstance(found, list):
        found = found[min(index, len(found) - 1)] if found else None
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else ""


def whole(header: ismrmrdHeader, path: str) -> int | str:
    """Give a whole number of a header; empty where there is none that DICOM can hold."""
    found = number(header, path)
    return int(found) if isinstance(found, float) and abs(found) <= LARGEST_WHOLE else ""


def sequence(header: ismrmrdHeader) -> tuple[str, str]:
    """Give DICOM's ScanningSequence and SequenceVariant."""
    name = text(header, "sequenceParameters.sequence_type").lower().replace("_", "").replace(" ", "")
    return SEQUENCES.get(name, OTHER_SEQUENCE)
