"""What was put into a raw file, for the acceptance test to compare with what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from onnx_models.reading import read_regular

Single = Annotated[FiniteFloat, Field(ge=-(2.0**128), le=2.0**128)]
"""What single precision holds, as raw files do."""

Complex = tuple[Single, Single]
"""Real and imaginary part."""

Number = Annotated[int, Field(ge=0, lt=1 << 32)]
"""A place or a counter: a negative one would be counted from the other end."""


class SimulatedSpark(BaseModel):
    """One spark: consecutive samples of one readout, in which there is no other one.

    Attributes
    ----------
    acquisition, scan_counter, time_stamp
        The readout: its number in the file (from 0), and what its header says.
    indices, partition, line
        Its k-space and its place there.
    first_sample, first_column
        First sample in the readout as recorded, and in the k-space.
    receivers
        Those that were hit.
    gains
        Of all receivers, relative to the strongest; 0 where none was hit.
    burst
        Of all samples, relative to the largest. What was added to receiver c and sample s is
        ``peak_amplitude * gains[c] * burst[s]``.
    rnr
        Ripple-to-noise ratio: peak amplitude over sigma sqrt(N), N samples of the k-space per receiver.
    radius
        Distance of the middle sample from the strongest line and column; 1 is the border.
    repeat_of
        The spark (its number in the list) that this one repeats on a later readout.
    sparked
        What the file holds with the sparks, at the largest sample in the receiver hit most. Older truths lack it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    acquisition: Number
    scan_counter: Number
    time_stamp: Number
    indices: Indices
    partition: Number
    line: Number
    first_sample: Number
    first_column: Number
    n_samples: Annotated[int, Field(ge=1, lt=1 << 16)]
    receivers: tuple[Number, ...]
    gains: tuple[Complex, ...]
    burst: tuple[Complex, ...]
    peak_amplitude: Annotated[Single, Field(gt=0)]
    rnr: FiniteFloat
    radius: FiniteFloat
    repeat_of: int | None = None
    # By it a file is known to be the one that the truth tells of, or another.
    sparked: Complex | None = None

    @model_validator(mode="after")
    def _is_something(self) -> SimulatedSpark:
        if len(self.burst) != self.n_samples or not any(map(any, self.burst)):
            raise ValueError(f"expected a burst of {self.n_samples} samples that are not all zero")
        if not any(map(any, self.gains)) or not set(self.receivers) <= set(range(len(self.gains))):
            raise ValueError("expected a gain for each of the receivers, not all zero")
        return self


class SimulatedKSpace(BaseModel):
    """One k-space of the file: its noise (complex standard deviation) and its samples per receiver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    indices: Indices
    sigma: float
    n_samples: int


class Truth(BaseModel):
    """All sparks of a file and how they were drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    seed: int
    kspaces: tuple[SimulatedKSpace, ...]
    sparks: tuple[SimulatedSpark, ...]

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Truth:
        """Read what :meth:`write` wrote.

        Raises
        ------
        RawDataError
            The file is missing or does not hold a truth.
        """
        # A pipe would be waited for, for ever where nobody writes to it.
        if path.exists() and not path.is_file():
            raise RawDataError(f"{path}: expected the truth written by despark simulate, found no ordinary file")
        try:
            return cls.model_validate_json(read_regular(path).decode())
        except ValidationError as error:
            # One of many faults is enough to say that this is another file.
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            reason = f"{place}: {first['msg']}" if place else first["msg"]
            raise RawDataError(f"{path}: expected the truth written by despark simulate ({reason})") from error
        except (OSError, UnicodeDecodeError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            raise RawDataError(f"{path}: expected the truth written by despark simulate ({reason})") from error
