"""Training needs torch; without it these tests skip."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: train)")

from onnx_models.training.networks.calibration import (  # noqa: E402
    GATE_FROM,
    GATE_TO,
    N_FEATURES,
    ArtifactCalibrator,
    Mending,
    calibrated,
)
from onnx_models.training.networks.points import N_CHANNELS, PointSegmenter  # noqa: E402


@pytest.fixture
def seen():
    torch.manual_seed(0)
    return [torch.randn((2, 3, 2, 8, 12)) for _ in range(3)]


def turned(values, angle):
    turn = torch.tensor([[torch.cos(angle), -torch.sin(angle)], [torch.sin(angle), torch.cos(angle)]])
    return torch.einsum("ij,nrjls->nrils", turn, values)


def test_a_turned_phase_turns_what_is_taken_away(seen):
    mending, features = Mending(), torch.randn((2, N_FEATURES, 8, 12))
    angle = torch.tensor(0.7)
    with torch.no_grad():
        expected = turned(mending(features, *seen), angle)
        found = mending(features, *(turned(values, angle) for values in seen))
    assert torch.allclose(found, expected, atol=1e-5)


def test_each_receiver_stands_by_itself(seen):
    mending, features = Mending(), torch.randn((2, N_FEATURES, 8, 12))
    with torch.no_grad():
        together = mending(features, *seen)
        alone = mending(features, *(values[:, 1:2] for values in seen))
    assert torch.allclose(together[:, 1:2], alone, atol=1e-6)


def test_no_more_is_taken_away_than_the_farthest_prediction_is_off(seen):
    mending, features = Mending(), torch.randn((2, N_FEATURES, 8, 12))
    with torch.no_grad():
        taken = mending(features, *seen).norm(dim=2)
    farthest = torch.stack([values.norm(dim=2) for values in seen]).amax(dim=0)
    assert (taken <= farthest + 1e-5).all()


def test_what_is_hardly_abnormal_is_given_as_recorded():
    probability = torch.tensor([0.0, GATE_FROM, (GATE_FROM + GATE_TO) / 2, GATE_TO, 1.0]).reshape(1, 1, 5)
    recorded, taken = torch.full((1, 2, 2, 1, 5), 3.0), torch.ones((1, 2, 2, 1, 5))
    expected = torch.tensor([3.0, 3.0, 2.5, 2.0, 2.0]).expand(1, 2, 2, 1, 5)
    assert torch.allclose(calibrated(probability, recorded, taken), expected)


def test_the_calibrator_marks_as_the_segmentation_does(seen):
    segmenter = PointSegmenter().eval()
    patches = torch.randn((2, N_CHANNELS, 8, 12))
    with torch.no_grad():
        probability, patches_back = ArtifactCalibrator(segmenter, Mending(), 1.0)(patches, *seen)
        expected = torch.sigmoid(segmenter(patches) - 1)
    assert torch.allclose(probability, expected)
    assert patches_back.shape == seen[0].shape
