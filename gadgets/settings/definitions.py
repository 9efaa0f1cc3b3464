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
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from gadgets.outside import memory_limit

Provider = Literal["auto", "cuda", "cpu"]
OnFailure = Literal["pass", "fail"]

ON_WHAT_MODELS_RUN = """On what the models run.
auto: A CUDA device where one works, else the CPU. Which of them it is stands in log and report.
cuda: A CUDA device. Where none works the scan ends with an error before its first data.
cpu: The CPU."""

WHEN_IT_FAILS = """What becomes of a k-space with which the node fails, or of a scan for which it cannot open its files.
pass: The data go on as acquired. Log, report and image meta data say why.
fail: The scan ends with an error that the client sees."""

HOW_LONG = (
    "Seconds that the step may take with one k-space; `none` stands for as long as it needs. What is confirmed by then "
    "is used, the rest stays as it was acquired. Log, report and image meta data say so."
)

HOW_MANY_THREADS = """How many cores one k-space may use. What comes out is the same for any number.
auto: The cores of the machine that no other k-space uses at this moment, of any node or scan.
NUMBER: So many, whether they are free or not."""

WHICH_MODELS = "Folder with a manifest and models; `none` stands for those that are installed."


class NodeSettings(BaseModel):
    """Properties common to all nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    report: Path | None = Field(default=None, description="File to which the node adds one JSON line per k-space.")

    @field_validator("*", mode="before")
    @classmethod
    def _none_is_said_in_a_word(cls, value: object, info: ValidationInfo) -> object:
        """Let ``none`` stand for a setting that is not there, which XML cannot say otherwise."""
        is_optional = type(None) in get_args(cls.model_fields[str(info.field_name)].annotation)
        return None if is_optional and value == "none" else value


class AcquisitionBufferSettings(NodeSettings):
    """Properties of ``acquisition_buffer``."""

    fewest_readouts: int | None = Field(
        default=None,
        ge=1,
        description="Readouts that a k-space needs. With fewer it makes no image, and passes unjudged. `none`: 8 and a "
        "quarter of the matrix's lines, or what the header announces where that is fewer.",
    )
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


class SparkDetectionSettings(NodeSettings):
    """Properties of ``spark_detection``; figures and claims are those of US 12,386,002 B2."""

    method: Literal["segment", "calibrate", "check_segment", "check_calibrate", "one_pass", "none"] = Field(
        default="segment",
        description="""Which of the five methods finds the abnormal points.
segment: Classify patches, then mark abnormal points in the target patches (FIG. 8).
calibrate: Classify patches, then let a model give the target patches back as they should be (FIG. 9).
check_segment: As segment, after a look at the image (FIG. 10).
check_calibrate: As calibrate, after a look at the image (FIG. 11).
one_pass: One model finds and mends at once (FIG. 12).
none: Do not look for sparks.""",
    )
    classifier: Literal["cnn", "vit", "variance", "accuracy"] = Field(
        default="cnn",
        description="""Which first classification model tells target patches from others.
cnn: A convolutional network, patch by patch.
vit: A Vision Transformer.
variance: CNN where the intensities of a plane vary much, else Vision Transformer.
accuracy: The more accurate of both, by the results in `history`, else by the scores of the models.""",
    )
    patch_sets: Literal["single", "adjacent", "conjugate", "ring"] = Field(
        default="single",
        description="""Which patches a Vision Transformer judges together (claims 14, 16).
single: Each patch alone.
adjacent: Neighbouring patches.
conjugate: A patch and its mirror image on the other side of the centre.
ring: Patches at the same distance from the centre.""",
    )
    one_pass_model: Literal["vit", "cnn_unet"] = Field(
        default="vit",
        description="""Which patch calibration model `one_pass` uses.
vit: A Vision Transformer.
cnn_unet: A CNN that classifies, joined to a U-Net that mends.""",
    )
    regions: Literal["two", "one", "outer"] = Field(
        default="two",
        description="""Which classification model judges which part of k-space (claim 5).
two: M1 judges the centre, M2 the rest. A Vision Transformer always judges both.
one: One model judges all.
outer: The centre is left out of all steps, with every patch that reaches into it.""",
    )
    preprocessing: Literal["evidence", "max_min", "max_min_by_place", "z_score", "none"] = Field(
        default="evidence",
        description="""What the models look at (claim 4).
evidence: Twelve maps in which a spark stands out.
max_min: Magnitudes, scaled to 0 to 1 by one Max for all patches.
max_min_by_place: Magnitudes, scaled by a Max that is larger near the centre.
z_score: Magnitudes with zero mean and unit variance in each patch.
none: Magnitudes as they are.""",
    )
    standard_value: Literal["centre", "central_area", "artifact_free"] = Field(
        default="central_area",
        description="""What Max is a multiple of.
central_area: The root of the squares of the central area.
centre: The sample at the centre of k-space.
artifact_free: The mean of points without artifacts.""",
    )
    impact: Literal["low", "impact", "high"] | None = Field(
        default=None,
        description="""Take Max from this impact level of the history instead.
low: Sparks without an artifact in the image.
impact: Artifacts that do not hinder the diagnosis.
high: Artifacts that do.""",
    )
    centre_max: float | None = Field(
        default=None,
        gt=0,
        description="Max in the centre, in standard values. `none`: 2, or 400 with artifact_free, or the history's.",
    )
    edge_max: float | None = Field(
        default=None,
        gt=0,
        description="Max at the edge, in standard values. `none`: 0.1, or 20 with artifact_free, or the history's.",
    )
    centre_distance: float = Field(
        default=0.1, ge=0, le=1, description="Patches nearer to the centre than this radius have the centre's Max."
    )
    edge_distance: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Patches nearer to the border than this have the edge's Max. `none`: all outside the centre.",
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How sure it has to be that there is a spark. 0.9 finds fewer, 0.1 finds more. Patches are targets "
        "above it; thresholds of samples, and how far they have to deviate, move with its odds.",
    )
    centre_threshold: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="The same where a patch reaches inside 0.1 of the radius. Never less than `threshold`.",
    )
    point_threshold: float = Field(
        default=0.5, ge=0, le=1, description="A sample can be abnormal where its probability is above this."
    )
    core_threshold: float = Field(
        default=0.88,
        ge=0,
        le=1,
        description="The same inside 0.05 of the radius. Never less than `point_threshold`.",
    )
    thresholds_from: Literal["settings", "history"] = Field(
        default="settings",
        description="""Where the thresholds of patches come from.
settings: From `threshold` and `centre_threshold`.
history: From past results and feedback, where the history holds enough of them.""",
    )
    history: Path | None = Field(
        default=None, description="File with past results, feedback and impact levels. despark only reads it."
    )
    image_check: bool = Field(
        default=False, description="Look for artifacts in the image first, with any method (FIGS. 13 to 15)."
    )
    image_model: Literal["cnn", "vit"] = Field(
        default="cnn",
        description="""Which second classification model looks at the image.
cnn: A convolutional network.
vit: A Vision Transformer.""",
    )
    block_size: str = Field(
        default="auto",
        examples=["auto", "patch", "LINES", "LINESxPIXELS"],
        description="""How large the blocks of the image are (the second preset parameter).
auto: 224 x 224, or the size of the image where that is smaller.
patch: The size of the patches.
LINES: As many lines and pixels, from 16 to 224.
LINESxPIXELS: Lines and pixels, each from 16 to 224.""",
    )
    image_threshold: float = Field(
        default=0.5, ge=0, le=1, description="A block shows an artifact where its probability is above this."
    )
    when_clean: Literal["raise", "stop"] = Field(
        default="raise",
        description="""What follows when the image shows no artifact.
raise: The patches are judged with higher thresholds.
stop: Nothing else is looked at.""",
    )
    raised_threshold: float = Field(
        default=0.9, ge=0, le=1, description="Threshold of patches after an image without artifact."
    )
    patch_shape: Literal["auto", "segment", "rectangle", "cuboid"] = Field(
        default="rectangle",
        description="""Whether patches have one, two or three dimensions.
rectangle: 32 x 32 samples.
auto: Segments below 8 readouts, cuboids from 16 fully sampled partitions on, else rectangles.
segment: 1 x 32 samples of one readout.
cuboid: 8 x 16 x 16 samples of a 3D k-space.""",
    )
    patch_size: int | None = Field(
        default=None,
        ge=8,
        le=64,
        multiple_of=8,
        description="Samples along each side of a patch. `none`: as the models were trained.",
    )
    patch_overlap: int = Field(default=0, ge=0, le=24, description="Samples that neighbouring patches share.")
    merge: Literal["points", "patch"] = Field(
        default="points",
        description="""What `calibration.method=auto` takes from the patches of a calibration model.
points: Abnormal points alone.
patch: Whole patches outside 0.1 of the radius, and inside it points.""",
    )
    series_memory: str = Field(
        default="auto",
        examples=["auto", "off", "MEGABYTES"],
        description="""Whether a k-space is compared with earlier ones of the same place in the scan.
auto: What was accepted last is remembered, in at most 64 MB.
off: Each k-space is judged by itself.
MEGABYTES: The same, in so many.""",
    )
    provider: Provider = Field(default="auto", description=ON_WHAT_MODELS_RUN)
    models: Path | None = Field(default=None, description=WHICH_MODELS)
    time_limit: float | None = Field(default=30.0, gt=0, description=HOW_LONG)
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        default="auto", examples=["auto", "NUMBER"], description=HOW_MANY_THREADS
    )
    on_failure: OnFailure = Field(default="pass", description=WHEN_IT_FAILS)

    @field_validator("series_memory")
    @classmethod
    def _memory_of_some_size(cls, series_memory: str) -> str:
        if series_memory not in ("off", "auto") and not series_memory.isdecimal():
            raise ValueError("expected off, auto, or a whole number of megabytes")
        return series_memory

    @property
    def series_bytes(self) -> int:
        """Bytes that the memory of a scan may take; 0 where there is none."""
        megabytes = {"off": 0, "auto": 64}.get(self.series_memory)
        return 1_000_000 * (int(self.series_memory) if megabytes is None else megabytes)

    @field_validator("block_size")
    @classmethod
    def _block_of_some_size(cls, block_size: str) -> str:
        sizes = block_size.split("x")
        by_hand = len(sizes) <= 2 and all(size.isdecimal() and 16 <= int(size) <= 224 for size in sizes)
        if not by_hand and block_size not in ("auto", "patch"):
            raise ValueError("expected auto, patch, or LINES or LINESxPIXELS from 16 to 224")
        return block_size

    @property
    def checks_image(self) -> bool:
        """Whether the image is looked at first (FIGS. 10, 11, 13-15)."""
        return self.image_check or self.method.startswith("check_")


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
    time_limit: float | None = Field(default=30.0, gt=0, description=HOW_LONG)
    threads: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = Field(
        default="auto", examples=["auto", "NUMBER"], description=HOW_MANY_THREADS
    )
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
        if calibration.send_original:
            raise ValueError("send_original needs a chain that makes images; raw_repair gives back what came")
        return calibration


NODE_SETTINGS: Mapping[str, type[BaseModel]] = {
    "acquisition_buffer": AcquisitionBufferSettings,
    "spark_detection": SparkDetectionSettings,
    "calibration": CalibrationSettings,
    "image_fft": ImageFFTSettings,
    "raw_repair": RawRepairSettings,
}
