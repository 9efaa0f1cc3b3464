"""The image check: blocks, the models that judge them, and what follows from what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from helpers.kspaces import body_kspace, make_scan
from helpers.small_models import entry_for
from helpers.sparks import places, with_sparks
from onnx import TensorProto, helper, numpy_helper

from gadgets.detection.detector import Detector
from gadgets.errors import SettingsError
from gadgets.image.meta import meta_of
from gadgets.image_check.artifact import BLOCK, block_shape, cut_blocks, has_artifact, image_detail, open_image_check
from gadgets.patch_models.thresholds import raised, thresholds_of
from gadgets.settings import SparkDetectionSettings
from gadgets.settings.parsing import validate
from onnx_models.errors import ModelError
from onnx_models.publish import write_entry


def write_check(folder, architecture="cnn", *, binary=False, **changes):
    """A second classification model: whether the mean of the absolute detail is above 0.9."""
    name = f"image_check_{architecture}"
    nodes = [
        helper.make_node("Abs", ["blocks"], ["absolute"]),
        helper.make_node("ReduceMean", ["absolute"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Sub", ["mean", "limit"], ["above"]),
    ]
    if binary:
        nodes += [
            helper.make_node("Greater", ["above", "zero"], ["is_above"]),
            helper.make_node("Cast", ["is_above"], ["probability"], to=TensorProto.FLOAT),
        ]
    else:
        nodes += [
            helper.make_node("Mul", ["above", "slope"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ]
    constants = [("limit", 0.9), ("zero", 0.0), ("slope", 40.0)]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("blocks", TensorProto.FLOAT, ["n", *BLOCK])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants],
    )
    path = folder / f"{name}.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    fields = {
        "role": "second_classification",
        "region": "all",
        "architecture": architecture,
        "patch": BLOCK,
        "inputs": {"blocks": ("n", *BLOCK)},
        "outputs": {"probability": ("n",)},
        "normalisation": "image-1",
    }
    write_entry(entry_for(path, **(fields | changes)), folder)


def settings(**changes):
    return SparkDetectionSettings(provider="cpu", **changes)


class SaysOf:
    """Stands for an image check that gives every k-space the same probability."""

    label = "image check of a test"

    def __init__(self, chance):
        self.chance = chance
        self.asked = 0

    def probability(self, _kspace, _settings, patch):
        assert patch == (1, 32, 32)
        self.asked += 1
        return self.chance


@pytest.fixture(scope="module")
def plain_detector():
    return Detector(settings())


def checked(detector, chance, **changes):
    changed = detector.with_settings(settings(image_check=True, **changes))
    changed._image_check = SaysOf(chance)
    return changed


@pytest.mark.parametrize(
    ("size", "image", "patch", "expected"),
    [
        ("auto", (300, 500), (1, 32, 32), (224, 224)),
        ("auto", (128, 500), (1, 32, 32), (128, 224)),
        ("patch", (300, 500), (1, 48, 48), (48, 48)),
        ("patch", (300, 500), (8, 16, 16), (16, 16)),
        ("patch", (300, 500), (1, 1, 32), (32, 32)),
        ("96", (300, 500), (1, 32, 32), (96, 96)),
        ("96x224", (300, 100), (1, 32, 32), (96, 100)),
    ],
)
def test_the_second_preset_parameter_gives_the_size_and_shape_of_blocks(size, image, patch, expected):
    assert block_shape(settings(block_size=size), image, patch) == expected


def test_blocks_cover_an_image_and_the_last_ones_are_moved_inwards():
    image = np.random.default_rng(0).random((300, 500)).astype(np.float32)
    blocks = cut_blocks(image, (224, 224))
    assert blocks.shape == (6, 224, 224)
    np.testing.assert_array_equal(blocks[-1], image[76:, 276:])
    assert len(cut_blocks(image, (96, 224))) == 4 * 3
    assert len(cut_blocks(image, (32, 32))) == 10 * 16


def test_a_small_block_goes_on_as_its_mirror_image():
    image = np.random.default_rng(0).random((64, 80)).astype(np.float32)
    (block,) = cut_blocks(image, (64, 80))
    assert block.shape == BLOCK
    np.testing.assert_array_equal(block[:64, :80], image)
    np.testing.assert_array_equal(block[64:128, :80], image[::-1])
    np.testing.assert_array_equal(block[:64, 80:160], image[:, ::-1])


@pytest.mark.parametrize("size", ["8", "225", "64x", "large", "32x32x32", "-64"])
def test_a_block_that_no_model_judges_is_refused_before_the_scan(size):
    with pytest.raises(SettingsError, match="block_size"):
        validate({"block_size": size}, SparkDetectionSettings, "spark_detection")


def test_the_scale_of_an_image_changes_nothing_and_stripes_stand_out():
    rng = np.random.default_rng(0)
    image = np.abs(5 + rng.standard_normal((200, 240))).astype(np.float32)
    np.testing.assert_allclose(image_detail(1e-6 * image), image_detail(image), atol=1e-3)
    striped = image + 3 * np.cos(0.8 * np.arange(240), dtype=np.float32)
    spectrum = np.abs(np.fft.rfft(image_detail(striped).mean(axis=0)))
    assert spectrum.argmax() == round(0.8 * 240 / (2 * np.pi))


@pytest.mark.parametrize("architecture", ["cnn", "vit"])
def test_the_model_of_the_setting_judges_the_image(tmp_path, architecture):
    write_check(tmp_path, "cnn")
    write_check(tmp_path, "vit", binary=True)
    chosen = settings(models=tmp_path, image_check=True, image_model=architecture)
    check = open_image_check(chosen)
    kspace = body_kspace((1, 48, 64))
    assert check.model.entry.architecture == architecture
    chance = check.probability(kspace, chosen, (1, 32, 32))
    assert chance in (0, 1) if architecture == "vit" else 0 < chance < 1


def test_one_block_decides(tmp_path, monkeypatch):
    write_check(tmp_path)
    chosen = settings(models=tmp_path, image_check=True)
    check = open_image_check(chosen)
    image = np.zeros((1, 300, 500), np.float32)
    detail = np.zeros((300, 500), np.float32)
    detail[76:, 276:] = 4.0
    monkeypatch.setattr("gadgets.image_check.artifact.image_to_check", lambda _: image)
    monkeypatch.setattr("gadgets.image_check.artifact.image_detail", lambda _: detail)
    blocks = cut_blocks(detail, BLOCK)
    each = check.model.run(blocks=blocks)["probability"]
    assert check.probability(make_scan(), chosen, (1, 32, 32)) == pytest.approx(each.max())
    assert each.max() > 0.99
    assert each.min() < 0.01


def test_a_decision_is_strictly_above_the_threshold():
    assert has_artifact(1.0, settings(image_threshold=0.5))
    assert not has_artifact(0.0, settings(image_threshold=0.5))
    assert not has_artifact(0.5, settings(image_threshold=0.5))


def test_without_a_check_no_model_is_opened_and_with_one_it_must_be_there(tmp_path):
    assert open_image_check(settings(models=tmp_path)) is None
    write_check(tmp_path, normalisation="image-0")
    for changes in ({"image_check": True}, {"method": "check_segment"}, {"method": "check_calibrate"}):
        with pytest.raises(ModelError, match=r"expected a model for 'second_classification cnn image-1'"):
            open_image_check(settings(models=tmp_path, **changes))


def test_a_clean_image_stops_the_search(plain_detector, monkeypatch):
    kspace = with_sparks(make_scan())
    monkeypatch.setattr("gadgets.detection.looks.divide_planes", pytest.fail)
    detection = checked(plain_detector, 0.3, when_clean="stop").detect(kspace)
    assert (detection.patches, detection.points, detection.image_probability) == (0, (), 0.3)
    assert detection.warning == ""
    meta = meta_of(detection, None)
    assert meta["despark_image_probability"] == 0.3
    assert meta["ImageComments"] == "despark: image without artifacts, looked no further"


def test_nothing_acquired_is_said_even_where_its_image_is_clean(plain_detector):
    kspace = make_scan()
    empty = replace(kspace, data=np.zeros_like(kspace.data), sampled=np.zeros_like(kspace.sampled))
    detection = checked(plain_detector, 0.0, when_clean="stop").detect(empty)
    assert detection.warning == "not judged: nothing was acquired"


def test_an_image_with_artifacts_changes_nothing(plain_detector):
    kspace = with_sparks(make_scan())
    expected = plain_detector.detect(kspace)
    for when_clean in ("stop", "raise"):
        detection = checked(plain_detector, 0.51, when_clean=when_clean).detect(kspace)
        assert detection.points == expected.points
        assert detection.target_patches == expected.target_patches
        assert detection.image_probability == 0.51


def test_a_clean_image_raises_the_thresholds_of_patches(plain_detector):
    kspace = with_sparks(make_scan())
    chances = [patch.probability for patch in plain_detector.detect(kspace).target_patches]
    borderline = sorted(chances)[0]
    given = settings(image_check=True, threshold=0.0, centre_threshold=0.0, raised_threshold=borderline)
    limits = raised(thresholds_of(given).patches, given)
    assert limits["outer"] == pytest.approx(borderline)
    lowered = {"threshold": 0.0, "centre_threshold": 0.0, "raised_threshold": borderline}
    kept = checked(plain_detector, 0.5, **lowered).detect(kspace)
    all_patches = checked(plain_detector, 0.9, **lowered).detect(kspace)
    assert len(kept.target_patches) < len(all_patches.target_patches)
    assert all(patch.probability > borderline for patch in kept.target_patches)
    nothing = checked(plain_detector, 0.5, raised_threshold=1.0).detect(kspace)
    assert (nothing.target_patches, nothing.points) == ((), ())
    assert nothing.patches == kept.patches


def test_what_has_no_image_is_judged_without_the_check(plain_detector):
    detector = checked(plain_detector, 0.0, when_clean="stop")
    detection = detector.detect(replace(with_sparks(make_scan()), is_gridded=False))
    assert detection.image_probability is None
    assert len(places(detection)) == 4
    assert detector._image_check.asked == 0
