"""What the doctor has to say of one thing that it looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["well", "note", "fault"]


class Finding(BaseModel):
    """What was looked at, how it is, what that means, and what to do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    state: State
    text: str
    advice: str = ""
