import errno
from concurrent.futures.process import BrokenProcessPool

import pytest
from helpers.builders import encoding, header_xml
from helpers.raw_scans import make_raw_file, raw_acquisition
from typer.testing import CliRunner

from gadgets.errors import DesparkError, RawDataError
from onnx_models.manifest import read_manifest
from pipelines.benchmark.results import results_text
from pipelines.benchmark.score import ScoredEvent
from pipelines.benchmark.totals import FileScore
from pipelines.commands.command_line import build_app
from pipelines.commands.terminal.progress import unseen
from pipelines.commands.train import command_line, read_recordings, read_scores, refused


def score(file, found, harmed, rival="despark"):
    """One file with 20 sparks, half of them in the inner ring, of which `found` are found; all others are."""
    inner = [ScoredEvent(0.05, 1.5, 1, 1, number < found) for number in range(10)]
    outer = [ScoredEvent(0.5, 1.5, 4, 4, True) for _ in range(10)]
    return FileScore(file, rival, 5, harmed, True, (*inner, *outer), (0.1 * found, float("nan")), 0.01)


def written(path, *scores):
    path.write_text(results_text(scores, [], {}))
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


def raw_file(path, n_lines=16):
    items = [raw_acquisition(line, n_samples=32) for line in range(n_lines)]
    return make_raw_file(path, items, header_xml([encoding(n_lines, 32)]))


def test_files_of_one_name_are_all_read(tmp_path):
    (tmp_path / "b").mkdir()
    files = [raw_file(tmp_path / "a.h5"), raw_file(tmp_path / "b" / "a.h5"), raw_file(tmp_path / "a (2).h5")]
    assert list(read_recordings(files, "dataset", 1, unseen())) == ["a", "a (2)", "a (2) (2)"]


def test_names_that_are_no_text_can_be_written_down(tmp_path):
    path = raw_file(tmp_path / "a\udcff\n.h5")
    (name,) = read_recordings([path], "dataset", 1, unseen())
    assert name == "a\\xff\\n"
    assert "a\\xff\\n.h5" in command_line([path], 50, 1, 1)


def test_a_file_without_a_plane_to_learn_from_is_named(tmp_path):
    with pytest.raises(RawDataError, match=r"short\.h5: expected planes of at least 16 lines, all samples numbers"):
        read_recordings([raw_file(tmp_path / "short.h5", n_lines=15)], "dataset", 1, unseen())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"^own: the models cannot be made there \(No space left"),
        (OSError(errno.ENOTDIR, "Not a directory", "own/x"), r"^own/x: the models cannot be made there \(Not a dir"),
        (OSError("3 requested and 0 written"), r"^own: the models cannot be made there \(3 requested and 0 written\)"),
        (BrokenProcessPool(), r"^a process that makes examples was ended from outside; is there enough memory"),
    ],
)
def test_what_a_training_lacks_is_said_in_one_line(error, said):
    with pytest.raises(DesparkError, match=said), refused("own"):
        raise error


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "nan"),
        ("--epochs", "inf"),
        ("--seed", str(1 << 64)),
        ("--planes", "1" + 12 * "0"),
        ("--processes", "100000"),
    ],
)
def test_more_than_there_can_be_is_refused_before_anything_is_read(tmp_path, option, value):
    result = CliRunner().invoke(build_app("train"), ["train", "none.h5", "-o", str(tmp_path), option, value])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
