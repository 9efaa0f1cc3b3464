"""Defines the settings of ``spark_detection``, which chooses among all ways that the method describes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from gadgets.outside import whole_number
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
    # Sets are for transformers alone: a CNN judges patches one by one, and has no place for the others of a set.
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
    # None and not a number: which one it stands for depends on the standard value, and on the history if that is asked.
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
    # These defaults are where training puts the operating points: it moves the outputs of the classifiers to them.
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
    # Two logits above the operating point elsewhere: on planes of left-out sources no false alarm at the echo's peak
    # was surer than that.
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
        default=None,
        description="Past results, feedback and impact levels: `auto` is the user's own logbook, else a file. Nodes "
        "only read it.",
    )
    # Twice, as in the source document: the check is the first step of two methods, or goes ahead of any of them.
    image_check: bool = Field(
        default=False, description="Look for artifacts in the image first, with any method (FIGS. 13 to 15)."
    )
    image_model: Literal["cnn", "vit"] = Field(
        default="cnn",
        description="""Which second classification model looks at the image.
cnn: A convolutional network.
vit: A Vision Transformer.""",
    )
    # A text, as numbers stand beside words here; what it may be is seen to below.
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
    # Not `stop`: sparks next to the centre make shading, which the check does not see.
    when_clean: Literal["raise", "stop"] = Field(
        default="raise",
        description="""What follows when the image shows no artifact.
raise: The patches are judged with higher thresholds.
stop: Nothing else is looked at.""",
    )
    # The source document's example: from 0.5 to 0.9.
    raised_threshold: float = Field(
        default=0.9, ge=0, le=1, description="Threshold of patches after an image without artifact."
    )
    # Not `auto`, which needs models for all three shapes, and was no better on the one 3D recording.
    patch_shape: Literal["auto", "segment", "rectangle", "cuboid"] = Field(
        default="rectangle",
        description="""Whether patches have one, two or three dimensions.
rectangle: 32 x 32 samples.
auto: Segments below 8 readouts, cuboids from 16 fully sampled partitions on, else rectangles.
segment: 1 x 32 samples of one readout.
cuboid: 8 x 16 x 16 samples of a 3D k-space.""",
    )
    # The networks halve a patch twice and double it again: its sides have to be multiples of four at least.
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
    # There is one by default, because the patient waits.
    time_limit: float | None = Field(default=USUAL_LIMIT_S, gt=0, description=HOW_LONG)
    threads: Threads = Field(default="auto", examples=["auto", "NUMBER"], description=HOW_MANY_THREADS)
    on_failure: OnFailure = Field(default="pass", description=WHEN_IT_FAILS)

    @field_validator("series_memory")
    @classmethod
    def _memory_of_some_size(cls, series_memory: str) -> str:
        if series_memory not in ("off", "auto") and whole_number(series_memory) is None:
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
