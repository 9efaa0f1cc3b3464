import json

import pytest
from typer.testing import CliRunner

from gadgets.errors import DesparkError
from onnx_models.manifest import read_manifest
from pipelines.command_line import build_app
from pipelines.train import command_line, read_scores


def written(path, found, harmed):
    rings = {"r < 0.1": {"count": found, "trials": 10}, "> 0.3": {"count": 10, "trials": 10}}
    total = {
        "rival": "despark",
        "found": {"count": found + 10, "trials": 20},
        "by_group": {"ring": rings, "strength": {}, "receivers": {}},
        "harmed": harmed,
        "n_kspaces": 5,
        "untouched": {"count": 2, "trials": 3},
        "worst_error_left": 0.1 * found,
    }
    path.write_text(json.dumps({"totals": [{"rival": "local_median"}, total]}))
    return path


def test_scores_of_several_benchmarks_are_added_up(tmp_path):
    scores = read_scores([written(tmp_path / "a.json", 4, 0), written(tmp_path / "b.json", 8, 1)])
    assert scores["found"] == "32 of 40 (80.0%)"
    assert scores["found, radius r < 0.1"] == "12 of 20 (60.0%)"
    assert scores["harmed samples in clean data"] == "1 in 10 k-spaces"
    assert scores["clean files untouched"] == "4 of 6 (66.7%)"
    assert scores["image error left, worst"] == pytest.approx(0.8)


def test_no_benchmark_means_no_scores():
    assert read_scores([]) == {}


@pytest.mark.parametrize("content", ["", "{}", '{"totals": []}', "[1]"])
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
    scores = written(tmp_path / "scores.json", 4, 0)
    arguments = [str(phantom_file), "-o", str(tmp_path / "own"), "--planes", "50", "--epochs", "0.1"]
    result = CliRunner().invoke(build_app("train"), ["train", *arguments, "--processes", "1", "--scores", str(scores)])
    assert result.exit_code == 0, result.output
    manifest = read_manifest(tmp_path / "own")
    assert manifest.find("first_classification", "centre").scores["found"] == "14 of 20 (70.0%)"
    assert manifest.models[0].training.data == ("analytic phantoms", phantom_file.stem)
