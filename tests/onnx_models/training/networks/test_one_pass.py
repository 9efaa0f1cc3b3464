"""Training needs torch; without it these tests skip."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from onnx_models.training.networks.calibration import Mending  # noqa: E402
from onnx_models.training.networks.one_pass import ClassificationHead, CnnUnet, PatchCalibrator, SampleDecoder, Vit  # noqa: E402
from onnx_models.training.networks.points import N_CHANNELS, PointSegmenter  # noqa: E402
from onnx_models.training.networks.transformers import SetTransformer  # noqa: E402


def make_look(kind):
    torch.manual_seed(0)
    if kind == "cnn_unet":
        return CnnUnet(PointSegmenter(), ClassificationHead()).eval()
    transformer = SetTransformer()
    return Vit(transformer, SampleDecoder(transformer.embedding.projection.out_features)).eval()


def make_inputs(n=2, n_tokens=3, n_receivers=2):
    torch.manual_seed(1)
    receivers = [torch.randn((n, n_tokens, n_receivers, 2, 32, 32)) for _ in range(3)]
    patches, positions = torch.randn((n, n_tokens, N_CHANNELS, 32, 32)), torch.rand((n, n_tokens, 4))
    return [patches, positions, torch.ones((n, n_tokens), dtype=torch.bool), torch.zeros((n, n_tokens)), *receivers]


KINDS = ("cnn_unet", "vit")


@pytest.mark.parametrize("kind", KINDS)
def test_the_judgment_layer_keeps_patches_below_their_threshold_as_recorded(kind):
    model = PatchCalibrator(make_look(kind), Mending(), (0.0, -9.0)).eval()
    inputs = make_inputs()
    with torch.no_grad():
        target, probability, everything = model(*inputs)
        inputs[3] = target + torch.tensor([[-0.01, 0.01, 0.01], [0.01, 0.01, -0.01]])
        _, _, judged = model(*inputs)
    recorded = inputs[4]
    above = inputs[3] < target
    assert probability.shape == (2, 3, 32, 32)
    assert torch.equal(judged[above], everything[above])
    assert torch.equal(judged[~above], recorded[~above])
    assert not torch.equal(everything[~above], recorded[~above])


@pytest.mark.parametrize("kind", KINDS)
def test_absent_patches_are_no_targets_and_change_no_others(kind):
    model = PatchCalibrator(make_look(kind), Mending(), (0.0, 0.0)).eval()
    inputs = make_inputs()
    inputs[2][:, 2] = False
    with torch.no_grad():
        first = model(*inputs)
        inputs[0][:, 2] += 5
        second = model(*inputs)
    assert (first[0][:, 2] == 0).all()
    for here, there in zip(first, second, strict=True):
        assert torch.allclose(here[:, :2], there[:, :2], atol=1e-5)


def test_a_patch_of_the_transformer_sees_the_others_of_its_set():
    look, inputs = make_look("vit"), make_inputs()[:3]
    with torch.no_grad():
        judged, _, marks = look(*inputs)
        inputs[0][:, 2] += 5
        other, _, other_marks = look(*inputs)
    assert not torch.allclose(judged[:, :2], other[:, :2], atol=1e-4)
    assert not torch.allclose(marks[0], other_marks[0], atol=1e-4)


def test_a_patch_of_the_cnn_stands_alone_and_knows_its_place():
    look, inputs = make_look("cnn_unet"), make_inputs()[:3]
    with torch.no_grad():
        judged = look(*inputs)[0]
        inputs[0][:, 2] += 5
        assert torch.allclose(look(*inputs)[0][:, :2], judged[:, :2], atol=1e-6)
        inputs[1][:, 0] += 1
        assert not torch.allclose(look(*inputs)[0][:, 0], judged[:, 0], atol=1e-4)
