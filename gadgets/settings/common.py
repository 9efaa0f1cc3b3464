"""What nodes have in common: the settings of every node, and the words for those of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from gadgets.outside import whole_number

Provider = Literal["auto", "cuda", "cpu"]
OnFailure = Literal["pass", "fail"]

ON_WHAT_MODELS_RUN = """On what the models run.
auto: A CUDA device where one works, else the CPU. Which of them it is stands in log and report.
cuda: A CUDA device. Where none works the scan ends with an error before its first data.
cpu: The CPU."""

WHEN_IT_FAILS = """What becomes of a k-space with which the node fails, or of a scan for which it cannot open its files.
pass: The data go on as acquired. Log, report and image meta data say why.
fail: The scan ends with an error that the client sees."""

USUAL_LIMIT_S = 60.0
"""What no clean k-space takes: one of 1.6 GB (3D, 32 receivers) takes 22 s on two slow cores."""

HOW_LONG = (
    "Seconds that the step may take with one k-space; `none` stands for as long as it needs. What is confirmed by then "
    "is used, the rest stays as it was acquired. Log, report and image meta data say so."
)

HOW_MANY_THREADS = """How many cores one k-space may use. What comes out is the same for any number.
auto: The cores of the machine that no other k-space uses at this moment, of any node or scan.
NUMBER: So many, up to 256, whether they are free or not."""

MOST_THREADS = 256


def _auto_or_number(threads: object) -> object:
    """Refuse what is neither, in one complaint: of two kinds of values pydantic would complain about each."""
    given = threads.strip() if isinstance(threads, str) else threads
    if given == "auto":
        return given
    number = whole_number(given) if isinstance(given, str) else given
    # The type itself: of Python's types bool is a whole number, too.
    if type(number) is not int or not 1 <= number <= MOST_THREADS:
        raise ValueError(f"expected auto, or a whole number from 1 to {MOST_THREADS}")
    return number


Threads = Annotated[Literal["auto"] | Annotated[int, Field(ge=1, le=MOST_THREADS)], BeforeValidator(_auto_or_number)]

WHICH_MODELS = "Folder with a manifest and models; `none` stands for those that are installed."


class NodeSettings(BaseModel):
    """Properties common to all nodes."""

    # A property that is not known is an error: a misspelt one would leave the default in force without a word.
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    report: Path | None = Field(default=None, description="File to which the node adds one JSON line per k-space.")

    @field_validator("*", mode="before")
    @classmethod
    def _none_is_said_in_a_word(cls, value: object, info: ValidationInfo) -> object:
        """Let ``none`` stand for a setting that is not there, which XML cannot say otherwise."""
        is_optional = type(None) in get_args(cls.model_fields[str(info.field_name)].annotation)
        if not is_optional or not isinstance(value, str):
            return value
        # Of a path, pydantic takes nothing at all for the working directory.
        if not value.strip():
            raise ValueError("expected a value, or none; found nothing")
        return None if value.strip() == "none" else value
