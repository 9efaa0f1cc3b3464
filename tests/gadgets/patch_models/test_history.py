from pathlib import Path

import pytest

from gadgets.errors import SettingsError, StoreError
from gadgets.logbook import Logbook
from gadgets.patch_models.history import Feedback, History, ImpactRecord, Result
from gadgets.patch_models.history_records import SetThresholds
from gadgets.patch_models.history_store import append, read_history, take_over


def impacts(region, unit=1.0, n=10, standard_value="central_area"):
    return [
        ImpactRecord(region=region, magnitude=unit * factor, impact=impact, standard_value=standard_value)
        for impact, factor in (("low", 1), ("impact", 3), ("high", 9))
        for _ in range(n)
    ]


def test_what_is_added_is_read_again_in_its_order(tmp_path):
    path = tmp_path / "history.jsonl"
    entries = [
        Result(architecture="cnn", accuracy=0.9, n_judged=448, settings={"threshold": 0.6}),
        Feedback(region="centre", probability=0.8, was_spark=False),
        ImpactRecord(region="outer", magnitude=0.2, impact="low"),
        Feedback(of="point", region="outer", probability=0.7, was_spark=True),
    ]
    for entry in entries:
        append(path, entry)
    history = read_history(path)
    assert history.results == (entries[0],)
    assert history.feedback == (entries[1], entries[3])
    assert history.impacts == (entries[2],)
    assert len(path.read_text().splitlines()) == 4


def test_a_line_typed_in_a_shell_will_do(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text('{"kind": "feedback", "region": "outer", "probability": 0.61, "was_spark": false}\n\n')
    assert read_history(path).feedback == (Feedback(region="outer", probability=0.61, was_spark=False),)


def test_no_file_is_an_empty_history():
    assert read_history(None) == History()
    assert History().accuracy() == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            '{"kind": "feedback", "region": "outer"',
            "line 2: expected a record of the history, found line: Invalid JSON",
        ),
        ('{"kind": "praise"}', "line 2: .*line: Input tag 'praise'"),
        (
            '{"kind": "result", "architecture": "cnn", "accuracy": 2}',
            "line 2: .*result.accuracy: .* less than or equal",
        ),
        (
            '{"kind": "result", "architecture": "cnn", "accuracy": 1, "settings": {"threshold": "high"}}',
            "line 2: .*number",
        ),
        ('{"kind": "feedback", "region": "all", "probability": 1, "was_spark": true}', "line 2: .*feedback.region"),
    ],
)
def test_a_damaged_line_is_named_with_its_file(tmp_path, line, complaint):
    path = tmp_path / "history.jsonl"
    append(path, Feedback(region="outer", probability=0.5, was_spark=True))
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(SettingsError, match=complaint) as error:
        read_history(path)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_cannot_be_read_or_written(tmp_path):
    with pytest.raises(SettingsError, match="expected a history, cannot read it"):
        read_history(tmp_path / "missing.jsonl")
    with pytest.raises(SettingsError, match="cannot write the history"):
        append(tmp_path / "missing" / "history.jsonl", Feedback(region="outer", probability=0.5, was_spark=True))


def test_accuracy_counts_every_judged_patch_the_same():
    results = [
        Result(architecture="cnn", accuracy=1.0, n_judged=100),
        Result(architecture="cnn", accuracy=0.5, n_judged=300),
        Result(architecture="vit", accuracy=0.75),
    ]
    assert History(results=results).accuracy() == pytest.approx({"cnn": 0.625, "vit": 0.75})


def test_three_impact_levels_are_learnt_for_each_region():
    levels = History(impacts=impacts("centre") + impacts("outer", 0.05)).impact_levels("central_area")
    assert levels["centre"] == pytest.approx({"low": 1, "impact": 3, "high": 9})
    assert levels["outer"] == pytest.approx({"low": 0.05, "impact": 0.15, "high": 0.45})


def test_a_level_begins_where_nine_of_ten_sparks_lie_above():
    spread = [ImpactRecord(region="outer", magnitude=10 + n, impact="high") for n in range(11)]
    levels = History(impacts=impacts("outer") + spread).impact_levels("central_area")
    highs = [9.0] * 10 + [10.0 + n for n in range(11)]
    assert sum(high >= levels["outer"]["high"] for high in highs) >= 0.9 * len(highs)
    assert levels["outer"]["low"] < levels["outer"]["impact"] < levels["outer"]["high"]


def test_no_level_lies_below_a_lower_one():
    odd = [
        ImpactRecord(region="outer", magnitude=magnitude, impact=impact)
        for impact, magnitude in (("low", 5.0), ("impact", 6.0), ("high", 1.0))
        for _ in range(6)
    ]
    levels = History(impacts=odd).impact_levels("central_area")["outer"]
    assert levels["low"] <= levels["impact"] <= levels["high"]


def test_a_region_with_few_records_takes_the_levels_of_both():
    levels = History(impacts=impacts("outer") + impacts("centre", n=2)).impact_levels("central_area")
    assert levels["centre"] == pytest.approx({"low": 1, "impact": 3, "high": 9})


def test_too_few_records_are_an_error_that_counts_them():
    with pytest.raises(SettingsError, match=r"expected 5 impact records of each level .* 2 low, 2 impact, 2 high"):
        History(impacts=impacts("outer", n=2)).impact_levels("central_area")
    with pytest.raises(SettingsError, match="'centre', found 0 low, 0 impact, 0 high"):
        History(impacts=impacts("outer")).impact_levels("centre")


def test_of_what_was_said_of_the_same_spark_the_last_counts(tmp_path):
    path = tmp_path / "history.jsonl"
    for spark, was_spark in (("a", True), ("b", True), ("a", False), ("", True), ("", True)):
        append(path, Feedback(region="outer", probability=0.8, was_spark=was_spark, spark=spark, architecture="cnn"))
    history = read_history(path)
    assert [(each.spark, each.was_spark) for each in history.feedback] == [
        ("a", False), ("b", True), ("", True), ("", True),
    ]  # fmt: skip
    # What users say of its sparks is a result for the model that judged them.
    assert history.accuracy() == {"cnn": 0.75}


def test_who_sets_thresholds_knew_what_had_been_said_before(tmp_path):
    path = tmp_path / "history.jsonl"
    said = [Feedback(region="outer", probability=share, was_spark=True) for share in (0.7, 0.8)]
    values = {"threshold": 0.6, "centre_threshold": 0.7, "point_threshold": 0.5, "core_threshold": 0.9}
    for entry in (said[0], SetThresholds(**values, by="anna", at="2026-01-01T00:00:00+00:00"), said[1]):
        append(path, entry)
    history = read_history(path)
    assert (history.feedback, history.newest_feedback) == (tuple(said), (said[1],))
    assert [each.values for each in history.thresholds] == [values]


def test_a_logbook_holds_a_history_too(tmp_path):
    book = Logbook(tmp_path / "scans.db")
    book.prepare()
    assert read_history(book.path).feedback == ()
    said = Feedback(region="centre", probability=0.8, was_spark=False)
    append(book.path, said)
    assert read_history(book.path).feedback == (said,)
    book.say('{"kind": "praise"}')
    with pytest.raises(StoreError, match=r"scans\.db, line 2: expected a record of the history"):
        read_history(book.path)


def test_auto_is_the_users_own_logbook(tmp_path, monkeypatch):
    monkeypatch.setenv("DESPARK_RECORD", str(tmp_path / "scans.db"))
    assert read_history(Path("auto")) == History()
    Logbook(tmp_path / "scans.db").prepare()
    append(tmp_path / "scans.db", Feedback(region="centre", probability=0.8, was_spark=False))
    assert len(read_history(Path("auto")).feedback) == 1
    monkeypatch.setenv("DESPARK_RECORD", "off")
    assert read_history(Path("auto")) == History()


def test_a_file_of_lines_is_taken_over_once_and_replaced(tmp_path):
    lines, book = tmp_path / "history.jsonl", tmp_path / "scans.db"
    said = [Feedback(region="centre", probability=0.1 * number, was_spark=True) for number in range(4)]
    for each in said:
        append(lines, each)
    text = lines.read_bytes()
    assert take_over(lines, book) == 4
    assert read_history(book).feedback == tuple(said)
    assert (tmp_path / "history.jsonl.before").read_bytes() == text
    # Who still names the file reads, and adds to, the logbook.
    append(lines, said[0])
    assert read_history(book).feedback == read_history(lines).feedback == (*said, said[0])
    assert take_over(lines, book) == 0
    # As if the link had failed: nothing comes in twice.
    lines.unlink()
    lines.write_bytes(text)
    assert take_over(lines, book) == 0
    assert len(read_history(book).feedback) == 5


def test_a_damaged_history_is_not_taken_over(tmp_path):
    (tmp_path / "history.jsonl").write_text("praise")
    with pytest.raises(StoreError, match="line 1"):
        take_over(tmp_path / "history.jsonl", tmp_path / "scans.db")
    assert [path.name for path in tmp_path.iterdir()] == ["history.jsonl"]


def test_a_line_with_thousands_of_faults_is_told_in_few_words(tmp_path):
    path = tmp_path / "history.jsonl"
    fields = ", ".join(f'"x{number}": 1' for number in range(5000))
    path.write_text(f'{{"kind": "feedback", {fields}}}\n')
    with pytest.raises(StoreError, match=r"line 1: expected a record .*; and \d+ more$") as error:
        read_history(path)
    assert len(str(error.value)) < 2000
