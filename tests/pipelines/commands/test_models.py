import io

from helpers.small_models import make_folder
from rich.console import Console

from onnx_models.listing import listing
from pipelines.commands.models import model_tables, models, refusals, scored_together


def test_models_with_the_same_scores_are_shown_together(tmp_path):
    for name in ("m1", "m2"):
        make_folder(tmp_path, name, scores={"found": "8 of 9"})
    make_folder(tmp_path, "m3", scores={})
    assert scored_together(listing(tmp_path, "cpu")) == {("m1", "m2"): (("found", "8 of 9"),)}


def test_the_listing_says_role_hash_and_provider(tmp_path, capsys):
    entry = make_folder(tmp_path, scores={"found": "8 of 9"})
    models(tmp_path, "cpu")
    output = capsys.readouterr().out
    for word in ("first_classification", entry.sha256[:12], "CPUExecutionProvider", "8 of 9"):
        assert word in output


SCORES = {
    "found": "97.3 % (507/521)",
    "harmed samples in clean data": "0 in 30 k-spaces",
    "image error left, median": 0.01,
}


def shown(rows, verbose):
    console = Console(width=80, record=True, file=io.StringIO())
    for table in model_tables(rows, 80, verbose):
        console.print(table)
    return console.export_text()


def test_eighty_columns_hold_the_models_and_their_main_scores():
    rows = listing()
    text = shown(rows, 0)
    assert max(map(len, text.splitlines())) <= 80
    # Each name stands whole in both tables.
    assert [row.name for row in rows if text.count(f"{row.name} ") < 2] == []


def test_all_scores_are_shown_to_who_asks_for_more(tmp_path):
    make_folder(tmp_path, scores={**SCORES, "found, strength > 1": "9 of 9"})
    rows = listing(tmp_path, "cpu")
    assert "9 of 9" in shown(rows, 1)
    assert "9 of 9" not in shown(rows, 0)
    for score in ("97.3 % (507/521)", "0 in 30 k-spaces", "0.01"):
        assert score in shown(rows, 0)


def test_what_refuses_all_models_is_said_once():
    rows = [row.model_copy(update={"refusal": f"model {row.name}: no such device"}) for row in listing()[:3]]
    assert refusals(rows) == "3 models: no such device"
    assert refusals(rows[:1]) == rows[0].refusal
    assert refusals(listing()[:1]) == ""
