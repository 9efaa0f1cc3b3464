"""``despark accept``: the counts that it shows, and what it takes for enough."""

import json
import re

import pytest
import typer

from pipelines.benchmark import ScoredEvent
from pipelines.commands.accept import accept, judge
from pipelines.phantom.compare_truth import Comparison


def test_the_command_shows_the_counts(sparked, truth, phantom_file, capsys):
    accept(sparked, phantom_file, truth)
    assert "samples changed beside sparks" in capsys.readouterr().out


def test_the_last_line_says_whether_it_is_enough(sparked, truth, phantom_file, capsys):
    accept(sparked, phantom_file, truth, require=100)
    said = capsys.readouterr().out
    assert re.match(r"Accepted: (\d+) of \1 sparks? beyond 0.3 of the radius repaired", said.splitlines()[-1])
    assert "ripple: stripes in the image" in " ".join(said.split())
    assert "rnr" not in said
    accept(sparked, sparked, truth)
    assert re.match(r"Not accepted: 0 of \d+ sparks?", capsys.readouterr().out.splitlines()[-1])
    with pytest.raises(typer.Exit) as ended:
        accept(sparked, sparked, truth, require=50)
    assert ended.value.exit_code == 1


def test_what_was_missed_is_listed_on_request(sparked, truth, capsys):
    accept(sparked, sparked, truth)
    assert "Not repaired" not in capsys.readouterr().out
    accept(sparked, sparked, truth, verbose=1)
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if line.startswith("slice ")]
    sparks = json.loads(truth.read_text())["sparks"]
    assert sorted(row[2] for row in rows) == sorted(str(spark["line"]) for spark in sparks)


@pytest.mark.parametrize(("n_found", "percent", "is_enough"), [(1, 50, True), (1, 51, False), (2, 100, True)])
def test_sparks_near_the_centre_are_not_asked_for(n_found, percent, is_enough):
    outer = tuple(ScoredEvent(0.5, 1, 8, 8, found=number < n_found) for number in range(2))
    events = (*outer, ScoredEvent(0.2, 1, 8, 8, found=False))
    assert judge(Comparison((), 0, events), percent)[0] is is_enough
    assert judge(Comparison((), 0, events[2:]), percent) == (
        False,
        "Not accepted: no spark lies beyond 0.3 of the radius",
    )


def test_sparks_are_not_asked_for_without_a_truth(phantom_file):
    with pytest.raises(typer.BadParameter, match="expected --truth beside --require"):
        accept(phantom_file, phantom_file, require=90)


def test_without_a_truth_there_is_no_table_of_sparks(phantom_file, capsys):
    accept(phantom_file, phantom_file)
    said = capsys.readouterr().out
    assert "Sparks found" not in said
    assert "because no --truth was given" in " ".join(said.split())
    assert re.search(r"samples changed\s+. 0", said)
