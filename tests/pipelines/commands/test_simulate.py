from dataclasses import replace

import pytest
from typer import Typer
from typer.testing import CliRunner

from gadgets.errors import RawDataError, SettingsError
from pipelines.commands.simulate import numbers_of, simulate
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_writer import write_raw_file
from pipelines.phantom import PhantomScan, write_phantom
from pipelines.phantom.draw_sparks import SparkPlan
from pipelines.phantom.spark_truth import Truth
from pipelines.phantom.sparked_file import draw_sparks


def test_what_was_put_in_is_listed_on_request(phantom_file, tmp_path, capsys):
    for verbose in (0, 1):
        simulate(phantom_file, tmp_path / "o.h5", tmp_path / "t.json", seed=2, verbose=verbose)
        said = capsys.readouterr().out
        sparks = Truth.read(tmp_path / "t.json").sparks
        assert len([line for line in said.splitlines() if line.startswith("slice ")]) == verbose * len(sparks)
        assert all(f" {spark.rnr:.2g} " in said for spark in sparks) is bool(verbose)


def test_sparks_go_into_the_repetitions_that_are_named(tmp_path):
    write_phantom(tmp_path / "one.h5", PhantomScan(matrix=32, n_coils=2, n_slices=2, n_noise=0))
    with RawFile(tmp_path / "one.h5") as raw:
        items, xml = list(raw), raw.header_xml
    again = [replace(item, header=_of_repetition(item, number)) for number in range(4) for item in items]
    write_raw_file(tmp_path / "series.h5", xml, again)
    app = Typer()
    app.command()(simulate)
    outputs = [tmp_path / "series.h5", tmp_path / "out.h5", "--truth", tmp_path / "t.json", "--seed", 1]
    result = CliRunner().invoke(app, [*map(str, outputs), "--repetitions", "1,3"])
    assert result.exit_code == 0, result.output
    chosen, everywhere = Truth.read(tmp_path / "t.json"), draw_sparks(tmp_path / "series.h5", SparkPlan(seed=1))
    assert {spark.indices.repetition for spark in chosen.sparks} == {1, 3}
    assert "4 of 8 k-spaces, 2 of 4 repetitions" in result.stdout
    # The others have what they have without a choice, but for the numbers that count on.
    places = [(spark.acquisition, spark.rnr) for spark in everywhere.sparks if spark.indices.repetition in (1, 3)]
    assert [(spark.acquisition, spark.rnr) for spark in chosen.sparks] == places
    with pytest.raises(RawDataError, match=r"expected repetitions of this file \(0-3\), found 4, 9"):
        draw_sparks(tmp_path / "series.h5", SparkPlan(repetitions=(3, 4, 9)))


def _of_repetition(item, number):
    header = item.fields.copy()
    header["idx"]["repetition"] = number
    return header.tobytes()


@pytest.mark.parametrize("text", ["x", "3-1", "1;2", "-1", "1.5"])
def test_repetitions_that_are_no_numbers_are_refused(text):
    assert numbers_of("0,3-5") == (0, 3, 4, 5)
    with pytest.raises(SettingsError, match="--repetitions: expected numbers and ranges as 0,3-5, found"):
        numbers_of(text)


def test_command(phantom_file, tmp_path):
    app = Typer()
    app.command()(simulate)
    outcome = CliRunner().invoke(
        app,
        [
            str(phantom_file),
            str(tmp_path / "o.h5"),
            "--seed",
            "9",
            "--truth",
            str(tmp_path / "t.json"),
            "--events",
            "3",
        ],
    )
    assert outcome.exit_code == 0, outcome.output
    truth = Truth.read(tmp_path / "t.json")
    assert f"{len(truth.sparks)} sparks in 2 of {len(truth.kspaces)} k-spaces" in outcome.output
    assert truth.seed == 9
