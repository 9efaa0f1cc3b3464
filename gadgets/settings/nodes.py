"""The settings of every node, as they stand in the chain's ``<configuration>``.

A node's settings are written as Gadgetron writes the properties of its own gadgets::

    <configuration>
      <property name="threshold" value="0.9"/>
      <property name="provider" value="cuda"/>
    </configuration>

``raw_repair`` joins three stages in one process; its properties carry the stage's name in front
(``spark_detection.threshold``), so that the same ``--set`` works for both chains.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Provider = Literal["auto", "cuda", "cpu"]
OnFailure = Literal["pass", "fail"]


class NodeSettings(BaseModel):
    """Properties common to all nodes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    report: Path | None = Field(default=None, description="file to which one JSON line per k-space is added")

    @field_validator("*", mode="before")
    @classmethod
    def _none_is_said_in_a_word(cls, value: object, info: ValidationInfo) -> object:
        """Let ``none`` stand for a setting that is not there, which XML cannot say otherwise."""
        is_optional = cls.model_fields[str(info.field_name)].default is None
        return None if is_optional and value == "none" else value


class AcquisitionBufferSettings(NodeSettings):
    """Properties of ``acquisition_buffer``."""


class SparkDetectionSettings(NodeSettings):
    """Properties of ``spark_detection``; figures and claims are those of US 12,386,002 B2."""

    method: Literal["segment", "calibrate", "check_segment", "check_calibrate", "one_pass", "none"] = Field(
        default="segment",
        description="segment: classify patches, segment their points (FIG. 8); calibrate: classify patches, calibrate "
        "them (9); check_…: the same behind the image check (10, 11); one_pass: find and calibrate at once (12)",
    )
    classifier: Literal["cnn", "vit", "variance", "accuracy"] = Field(
        default="cnn", description="first classification model, or what it is chosen by"
    )
    patch_sets: Literal["single", "adjacent", "conjugate", "ring"] = Field(
        default="single", description="patches that a Vision Transformer judges together (claims 14, 16)"
    )
    one_pass_model: Literal["vit", "cnn_unet"] = Field(default="vit", description="patch calibration model")
    regions: Literal["two", "one", "outer"] = Field(
        default="two",
        description="two: M1 for the centre and M2 for the rest; one: one model, as a Vision Transformer always is; "
        "outer: the centre is left out of all steps (claim 5)",
    )
    preprocessing: Literal["evidence", "max_min", "max_min_by_place", "z_score", "none"] = Field(
        default="evidence", description="what the models look at: evidence maps, or magnitudes so normalised (claim 4)"
    )
    standard_value: Literal["centre", "central_area", "artifact_free"] = Field(
        default="central_area", description="what the Max of Max-Min normalisation is a multiple of"
    )
    impact: Literal["low", "impact", "high"] | None = Field(
        default=None, description="take Max from this impact level of the history instead"
    )
    centre_max: float | None = Field(
        default=None,
        gt=0,
        description="Max in the centre, or the one Max, in standard values; None: 2 (artifact_free: 400), or the "
        "history's",
    )
    edge_max: float | None = Field(
        default=None,
        gt=0,
        description="Max at the edge in standard values; None: 0.1 (artifact_free: 20), or the history's",
    )
    centre_distance: float = Field(
        default=0.1, ge=0, le=1, description="patches nearer to the centre than this have the centre's Max"
    )
    edge_distance: float | None = Field(
        default=None, ge=0, le=1, description="patches nearer to the border have the edge's Max; None: all of the rest"
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="patch probability above which it is a target")
    centre_threshold: float = Field(
        default=0.7,
        ge=0,
        le=1,
        description="the same where a patch reaches into the inner tenth of k-space, at least threshold",
    )
    point_threshold: float = Field(default=0.5, ge=0, le=1, description="probability above which a sample is abnormal")
    core_threshold: float = Field(
        default=0.88,
        ge=0,
        le=1,
        description="the same within a twentieth of the way from the centre to the border, at least point_threshold",
    )
    thresholds_from: Literal["settings", "history"] = Field(
        default="settings", description="history: patch thresholds from past results and feedback, where it has enough"
    )
    history: Path | None = Field(default=None, description="file with past results, feedback and impact levels")
    image_check: bool = Field(default=False, description="look for artifacts in the image first, with any method")
    image_model: Literal["cnn", "vit"] = Field(default="cnn", description="second classification model")
    block_size: str = Field(
        default="auto",
        description="blocks of the image (second preset parameter): auto: 224x224, or the image's size where that is "
        "smaller; patch: the size of the patches; or LINES or LINESxPIXELS, at most 224x224",
    )
    image_threshold: float = Field(default=0.5, ge=0, le=1, description="block probability above which it has one")
    when_clean: Literal["raise", "stop"] = Field(
        default="raise", description="image without artifacts: raise the patch thresholds, or look no further"
    )
    raised_threshold: float = Field(default=0.9, ge=0, le=1, description="patch threshold of a clean image")
    patch_shape: Literal["auto", "segment", "rectangle", "cuboid"] = Field(
        default="rectangle", description="1D, 2D or 3D patches; auto: by the data's dimensions"
    )
    patch_size: int | None = Field(
        default=None, ge=8, le=64, multiple_of=8, description="samples along each side of a patch; None: the models'"
    )
    patch_overlap: int = Field(default=0, ge=0, le=24, description="samples that neighbouring patches share")
    merge: Literal["points", "patch"] = Field(
        default="points",
        description="what calibration.method=auto takes from calibrated patches: abnormal points, or whole patches, "
        "but for the inner tenth of k-space",
    )
    provider: Provider = "auto"
    models: Path | None = Field(default=None, description="folder with manifest and models; None: those installed")
    on_failure: OnFailure = "pass"

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

    method: Literal["auto", "zero", "conjugate", "interpolation", "network", "none"] = "auto"
    provider: Provider = "auto"
    models: Path | None = Field(default=None, description="folder with manifest and models; None: those installed")
    on_failure: OnFailure = "pass"


class ImageFFTSettings(NodeSettings):
    """Properties of ``image_fft``."""


class RawRepairSettings(NodeSettings):
    """Properties of ``raw_repair``: those of the stages it joins, each under the stage's name.

    ``report`` holds for the stages that have none of their own.
    """

    acquisition_buffer: AcquisitionBufferSettings = AcquisitionBufferSettings()
    spark_detection: SparkDetectionSettings = SparkDetectionSettings()
    calibration: CalibrationSettings = CalibrationSettings()


NODE_SETTINGS: Mapping[str, type[BaseModel]] = {
    "acquisition_buffer": AcquisitionBufferSettings,
    "spark_detection": SparkDetectionSettings,
    "calibration": CalibrationSettings,
    "image_fft": ImageFFTSettings,
    "raw_repair": RawRepairSettings,
}
