import pytest
from typer.testing import CliRunner

from gadgets.errors import DesparkError
from onnx_models.manifest import read_manifest
from pipelines.benchmark.results import write_results
from pipelines.benchmark.score import ScoredEvent
from pipelines.benchmark.totals import FileScore
from pipelines.commands.command_line import build_app
from pipelines.commands.train import command_line, read_scores


def score(file, found, harmed, rival="despark"):
    """One file with 20 sparks, half of them in the inner ring, of which `found` are found; all others are."""
    inner = [ScoredEvent(0.05, 1.5, 1, 1, number < found) for number in range(10)]
    outer = [ScoredEvent(0.5, 1.5, 4, 4, True) for _ in range(10)]
    return FileScore(file, rival, 5, harmed, True, (*inner, *outer), (0.1 * found, float("nan")), 0.01)


def written(path, *scores):
    write_results(path, scores, [], {})
    return path


def test_scores_of_several_benchmarks_are_joined_by_rival(tmp_path):
    first = written(tmp_path / "a.json", score("a", 4, 0), score("a", 9, 50, "local_median"))
    second = written(tmp_path / "b.json", score("b", 8, 1), score("b", 10, 0, "artifact_calibration"))
    scores = read_scores([first, second])
    assert list(scores) == ["despark", "local_median", "artifact_calibration"]
    assert scores["despark"]["found"] == "80.0 % (32/40)"
    assert scores["despark"]["found, radius r < 0.1"] == "60.0 % (12/20)"
    assert scores["despark"]["harmed samples in clean data"] == "1 in 10 k-spaces"
    assert scores["despark"]["clean files untouched"] == "50.0 % (1/2)"
    assert scores["despark"]["image error left, worst"] == pytest.approx(0.8)
    assert scores["artifact_calibration"]["found"] == "100.0 % (20/20)"


def test_no_benchmark_means_no_scores():
    assert read_scores([]) == {}


@pytest.mark.parametrize("content", ["", "{}", '{"files": [{}]}', "[1]"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(content)
    with pytest.raises(DesparkError, match="expected what despark benchmark --json writes"):
        read_scores([path])


def test_the_command_is_written_down_by_file_names(tmp_path):
    command = command_line([tmp_path / "brain scan.h5", tmp_path / "b.h5"], 6000, 5.0, 1)
    assert command == "despark train 'brain scan.h5' b.h5 --planes 6000 --epochs 5 --seed 1 -o models"


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_sites_own_models_are_made_of_its_own_files(tmp_path, phantom_file):
    pytest.importorskip("torch", reason="torch is not installed (extra: train)")
    scores = written(tmp_path / "scores.json", score("a", 4, 0))
    own = tmp_path / "own"
    short = ["--planes", "50", "--epochs", "0.1", "--only", "target_patches_centre"]
    arguments = [str(phantom_file), "-o", str(own), *short]
    result = CliRunner().invoke(build_app("train"), ["train", *arguments, "--processes", "1", "--scores", str(scores)])
    assert result.exit_code == 0, result.output
    manifest = read_manifest(tmp_path / "own")
    assert manifest.find("first_classification", "centre").scores["found"] == "70.0 % (14/20)"
    assert manifest.models[0].training.data == ("analytic phantoms", phantom_file.stem)
