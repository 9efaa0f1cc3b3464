import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.kspaces import make_kspace
from typer import Typer
from typer.testing import CliRunner

from gadgets.errors import ModelError, RawDataError, SettingsError
from gadgets.records import Calibration, Detection, Point
from pipelines.benchmark import despark
from pipelines.commands import benchmark as command
from pipelines.commands.benchmark import benchmark

PNG = b"\x89PNG"


@pytest.fixture
def run(monkeypatch):
    """Run the command on k-spaces that stand for files."""
    monkeypatch.setattr(
        command, "read_kspaces", lambda *_: [SimpleNamespace(kspace=make_kspace(seed)) for seed in range(2)]
    )
    app = Typer()
    app.command()(benchmark)

    def invoke(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


def test_tables_json_and_plot(run, tmp_path):
    outcome = run(
        "a.h5", "emi_lines_1B.h5", "c.h5", "--rivals", "local_median, global_threshold", "--runs", 2,
        "--json", tmp_path / "r.json", "--plot", tmp_path / "r.png", "--interference", "c",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    assert "emi_lines_1B" in outcome.output
    assert "harmed per clean k-space" in outcome.output
    # In the words of all other outputs, and with the digits of the table of files.
    assert "ripple >= 0.25" in outcome.output
    assert "rnr" not in outcome.output
    assert re.search(r"error left, worst *│ +\d+\.\d{3} │", outcome.output)
    assert (tmp_path / "r.png").read_bytes()[:4] == PNG
    result = json.loads((tmp_path / "r.json").read_text())
    one_by_one = {"series": 1, "series_kind": "repetitions"}
    assert result["settings"] == {"seed": 0, "runs": 2, **one_by_one, "set": {}, "variants": {}, "truth_points": False}
    assert [(file["file"], file["rival"]) for file in result["files"]] == [
        (file, rival) for file in ("a", "emi_lines_1B", "c") for rival in ("local_median", "global_threshold")
    ]
    assert [file["counts_as_clean"] for file in result["files"]] == [True, True, False, False, False, False]
    for totals in result["totals"]:
        assert totals["found"]["trials"] == len(result["files"][0]["events"])
        assert totals["n_kspaces"] == 2


def test_a_series_of_each_kind_is_scored_from_the_second_kspace_on(run, tmp_path):
    results = []
    for kind in ("repetitions", "table"):
        outcome = run("a.h5", "--rivals", "local_median", "--runs", 1, "--series", 3, "--series-kind", kind,
                      "--json", tmp_path / "r.json")  # fmt: skip
        assert outcome.exit_code == 0, outcome.output
        results.append(json.loads((tmp_path / "r.json").read_text()))
    assert [result["totals"][0]["n_kspaces"] for result in results] == [4, 4]
    assert [result["settings"]["series_kind"] for result in results] == ["repetitions", "table"]
    assert results[0]["files"] != results[1]["files"]


def test_a_kind_of_series_that_is_not_there_is_refused(run):
    outcome = run("a.h5", "--series", 2, "--series-kind", "sneezing")
    assert outcome.exit_code != 0
    assert "--series-kind: expected one of repetitions" in str(outcome.exception)


def test_earlier_results_are_joined(run, tmp_path):
    first, second, both = (tmp_path / f"{name}.json" for name in ("first", "second", "both"))
    run("a.h5", "--rivals", "local_median", "--runs", 1, "--json", first)
    run("b.h5", "--rivals", "local_median", "--runs", 0, "--json", second)
    outcome = run("--join", first, "--join", second, "--json", both, "--plot", tmp_path / "both.png")
    assert outcome.exit_code == 0, outcome.output
    assert "joining the results of 2 earlier runs" in outcome.output
    (total,) = json.loads(both.read_text())["totals"]
    assert total["n_kspaces"] == 4
    assert total["found"]["trials"] == json.loads(first.read_text())["totals"][0]["found"]["trials"]
    assert total["selected"]["rnr >= 0.25"]["trials"] <= total["found"]["trials"]
    outcome = run("c.h5", "--rivals", "local_median", "--runs", 0, "--join", first, "--json", both)
    assert json.loads(both.read_text())["totals"][0]["n_kspaces"] == 4


def test_nothing_counts_twice(run, tmp_path):
    first, copy = tmp_path / "first.json", tmp_path / "copy.json"
    run("a.h5", "--rivals", "local_median", "--runs", 0, "--json", first)
    copy.write_bytes(first.read_bytes())
    outcome = run("--join", first, "--join", copy)
    assert str(outcome.exception) == f"--join: expected each run once, found a of {copy} a second time"
    outcome = run("a.h5", "./a.h5", "--rivals", "local_median", "--runs", 0)
    assert "a.h5: expected each raw file once, found it twice" in str(outcome.exception)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "no 'files'"),
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (
            b"\x89HDF <lastName>Somebody</lastName>",
            "'utf-8' codec can't decode byte 0x89 in position 0",
        ),
        (None, "No such file or directory"),
    ],
)
def test_results_of_something_else_are_told_by_what_they_lack(run, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    outcome = run("--join", tmp_path / "report.json")
    assert f"expected what despark benchmark --json writes ({reason}" in str(outcome.exception)
    assert "Somebody" not in str(outcome.exception)


def test_results_are_told_by_the_field_that_is_wrong(run, tmp_path):
    path = tmp_path / "b.json"
    run("a.h5", "--rivals", "local_median", "--runs", 0, "--json", path)
    path.write_text(path.read_text().replace('"rival": "local_median"', '"rival": 3'))
    outcome = run("--join", path)
    assert str(outcome.exception).endswith("(files.0.rival: Input should be a valid string)")


def test_nothing_to_measure_is_an_error(run):
    assert isinstance(run().exception, SettingsError)


def test_no_runs_count_harm_only(run, tmp_path):
    outcome = run("a.h5", "--rivals", "local_median", "--runs", 0, "--json", tmp_path / "r.json")
    assert outcome.exit_code == 0, outcome.output
    (totals,) = json.loads((tmp_path / "r.json").read_text())["totals"]
    assert totals["found"]["share"] is None
    assert totals["median_error_left"] is None


def test_a_folder_that_is_not_there_is_found_before_the_work(run, tmp_path):
    outcome = run("a.h5", "--json", tmp_path / "nowhere" / "r.json")
    assert isinstance(outcome.exception, RawDataError)


def test_a_plot_that_cannot_be_drawn_is_refused_before_the_work(run, tmp_path):
    outcome = run("a.h5", "--plot", tmp_path / "r.docx")
    assert isinstance(outcome.exception, SettingsError)
    assert "expected a name that ends in .png, .pdf, .svg, found 'r.docx'" in str(outcome.exception)


def test_variants_of_despark_stand_beside_each_other(run, tmp_path, monkeypatch):
    monkeypatch.setattr(despark, "open_detector", lambda _: OneSpark())
    outcome = run(
        "a.h5", "--rivals", "", "--runs", 1, "--json", tmp_path / "r.json", "--plot", tmp_path / "r.png",
        "--set", "calibration.method=none", "--variant", "left:", "--variant", "zeroed:calibration.method=zero",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    result = json.loads((tmp_path / "r.json").read_text())
    left, zeroed = result["totals"]
    assert (left["rival"], left["harmed"]) == ("left", 0)
    assert (zeroed["rival"], zeroed["harmed"]) == ("zeroed", 2)
    assert result["settings"]["variants"]["zeroed"] == {"calibration.method": "zero"}
    assert "zeroed" in outcome.output


def test_with_truth_points_only_repair_differs(run, tmp_path):
    outcome = run(
        "a.h5", "--rivals", "", "--runs", 4, "--json", tmp_path / "r.json", "--truth-points",
        "--variant", "none:calibration.method=none", "--variant", "all:calibration.method=interpolation",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    result = json.loads((tmp_path / "r.json").read_text())
    none, everything = result["totals"]
    assert none["found"]["count"] == 0
    assert everything["found"]["share"] > 0.5
    assert everything["median_error_left"] < none["median_error_left"] == 1
    assert none["harmed"] == everything["harmed"] == 0


class OneSpark:
    """A detector that takes the largest sample outside the centre for a spark."""

    provider = "test"

    def __init__(self, fails=False):
        self.fails = fails

    def detect(self, kspace):
        if self.fails:
            raise ModelError("out of order")
        magnitude = np.abs(kspace.data).max(axis=0)
        magnitude[:, 8:16, 10:22] = 0
        partition, line, sample = (int(i) for i in np.unravel_index(int(magnitude.argmax()), magnitude.shape))
        point = Point(
            partition=partition,
            line=line,
            sample=sample,
            receivers=(0, 1, 2),
            probability=1,
            scan_counter=1,
            time_stamp=4,
        )
        return Detection(indices=kspace.indices, points=(point,))


def test_despark_is_what_its_nodes_do(monkeypatch):
    monkeypatch.setattr(despark, "open_detector", lambda _: OneSpark())
    kspace = make_kspace()
    kspace.data[:, 0, 2, 3] += 90
    repaired = despark.open_despark({"calibration.method": "zero"})(kspace)
    assert not repaired[:, 0, 2, 3].any()
    assert np.count_nonzero(np.any(repaired != kspace.data, axis=0)) == 1


def test_despark_without_points_gives_the_same_samples(monkeypatch):
    monkeypatch.setattr(despark, "open_detector", lambda _: OneSpark())
    kspace = make_kspace()
    assert despark.open_despark({"calibration.method": "none"})(kspace) is kspace.data
    assert Calibration(indices=kspace.indices).n_repaired == 0


def test_despark_passes_no_failure_over(monkeypatch):
    monkeypatch.setattr(despark, "open_detector", lambda _: OneSpark(fails=True))
    with pytest.raises(Exception, match="out of order"):
        despark.open_despark({})(make_kspace())
