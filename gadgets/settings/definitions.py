"""Defines all settings of every node, as they stand in the chain's ``<configuration>``.

A node's settings are written as Gadgetron writes the properties of its own gadgets::

    <configuration>
      <property name="threshold" value="0.9"/>
      <property name="provider" value="cuda"/>
    </configuration>

``raw_repair`` joins three stages in one process; its properties carry the stage's name in front
(``spark_detection.threshold``), so that the same ``--set`` works for both chains.

``gadgets/SETTINGS.md`` is made of the descriptions below (:mod:`gadgets.settings.page`). The first line of one says
what the setting is for; a line ``value: meaning`` says what one of its values does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from gadgets.outside import memory_limit
from gadgets.settings.common import (
    HOW_LONG,
    HOW_MANY_THREADS,
    ON_WHAT_MODELS_RUN,
    USUAL_LIMIT_S,
    WHEN_IT_FAILS,
    WHICH_MODELS,
    NodeSettings,
    OnFailure,
    Provider,
    Threads,
)
from gadgets.settings.of_detection import SparkDetectionSettings


class AcquisitionBufferSettings(NodeSettings):
    """Properties of ``acquisition_buffer``."""

    fewest_readouts: int | None = Field(
        default=None,
        ge=1,
        description="Readouts that a k-space needs. With fewer it makes no image, and passes unjudged. `none`: 8 and a "
        "quarter of the matrix's lines, or what the header announces where that is fewer.",
    )
    # There is one by default: k-spaces that never become complete would gather readouts without end.
    held_limit: int | None = Field(
        default=8192,
        ge=1,
        description="Megabytes of readouts that may wait for their k-spaces to be complete. `none`: any number. Beyond "
        "it the k-space that has waited for longest goes on with what it has.",
    )
    on_failure: OnFailure = Field(default="pass", description=WHEN_IT_FAILS)

    def holds_too_much(self, n_bytes: int) -> bool:
        """Whether so many bytes are more than may wait."""
        # Never more than a scan may have: a client can set the limit that is set here.
        limit = memory_limit() if self.held_limit is None else min(self.held_limit * 1_000_000, memory_limit())
        return n_bytes > limit


class CalibrationSettings(NodeSettings):
    """Properties of ``calibration``."""

    method: Literal["auto", "zero", "conjugate", "interpolation", "network", "series", "none"] = Field(
        default="auto",
        description="""What takes the place of an abnormal sample.
auto: What proves best around each burst. A repair that could do harm is refused.
zero: Zero.
conjugate: A prediction from the sample on the other side of the centre.
interpolation: A prediction from the image's background and from neighbours over all receivers.
network: The same, corrected by a U-Net.
series: What earlier k-spaces of the place predict, see `spark_detection.series_memory`. Else the sample stays.
none: Nothing is repaired.""",
    )
    # A text and no path, as two words are no files. Never empty: as a path, that would be the working directory.
    record: str = Field(
        default="auto",
        min_length=1,
        examples=["auto", "off", "FILE"],
        description="""Where an entry about the scan is written, for `despark log`.
auto: The folder for the user's state, `~/.local/state/despark/scans.db`, or what `DESPARK_RECORD` says.
off: Nowhere.
FILE: This SQLite file.""",
    )
    send_original: bool = Field(
        default=False,
        description="Send each k-space once more as it was acquired, for a second series of images. Its series index "
        "is 1000 higher, and its name says `as acquired`. Not in `raw_repair`, which makes no images.",
    )
    provider: Provider = Field(default="auto", description=ON_WHAT_MODELS_RUN)
    models: Path | None = Field(default=None, description=WHICH_MODELS)
    time_limit: float | None = Field(default=USUAL_LIMIT_S, gt=0, description=HOW_LONG)
    threads: Threads = Field(default="auto", examples=["auto", "NUMBER"], description=HOW_MANY_THREADS)
    on_failure: OnFailure = Field(default="pass", description=WHEN_IT_FAILS)


class ImageFFTSettings(NodeSettings):
    """Properties of ``image_fft``."""

    on_failure: OnFailure = Field(default="pass", description=WHEN_IT_FAILS)


class RawRepairSettings(NodeSettings):
    """Properties of ``raw_repair``: those of the stages it joins, each under the stage's name.

    ``report`` holds for the stages that have none of their own.
    """

    mark_user_int: int | None = Field(
        default=None,
        ge=0,
        le=7,
        description="Write the number of changed samples into this one of the eight `user_int` of each acquisition "
        "that was changed. `none`: headers stay bit for bit as they came.",
    )
    send_findings: bool = Field(
        default=False,
        description="Send what was found to the client, as waveforms behind the acquisitions. `despark replay` asks a "
        "server for it and takes them out again.",
    )
    # One object as the default of all: settings are frozen.
    acquisition_buffer: AcquisitionBufferSettings = Field(
        default=AcquisitionBufferSettings(), description="Settings of the first stage."
    )
    spark_detection: SparkDetectionSettings = Field(
        default=SparkDetectionSettings(), description="Settings of the second stage."
    )
    calibration: CalibrationSettings = Field(default=CalibrationSettings(), description="Settings of the third stage.")

    @field_validator("calibration")
    @classmethod
    def _gives_back_what_came(cls, calibration: CalibrationSettings) -> CalibrationSettings:
        # Refused and not ignored, as every setting that would have no effect.
        if calibration.send_original:
            raise ValueError("send_original needs a chain that makes images; raw_repair gives back what came")
        return calibration


# In the order in which the page tells of them.
NODE_SETTINGS: Mapping[str, type[BaseModel]] = {
    "acquisition_buffer": AcquisitionBufferSettings,
    "spark_detection": SparkDetectionSettings,
    "calibration": CalibrationSettings,
    "image_fft": ImageFFTSettings,
    "raw_repair": RawRepairSettings,
}
