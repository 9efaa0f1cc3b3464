from pipelines.benchmark import ScoredEvent
from pipelines.commands.terminal.comparison import MOST_REPETITIONS, found_counts, found_table
from pipelines.phantom.compare_truth import Comparison


def of_series(n_repetitions, missed):
    events = tuple(
        ScoredEvent(0.5, 1, 8, 8, found=number not in missed) for number in range(n_repetitions) for _ in range(2)
    )
    repetitions = tuple(number for number in range(n_repetitions) for _ in range(2))
    return Comparison(tuple(event.found for event in events), 0, events, repetitions=repetitions)


def test_a_series_is_told_by_repetition():
    rows = shown_rows(found_table(of_series(3, missed=(1,))))
    assert [row for row in rows if "repetition" in row[0]] == [
        ("repetition 0", "100.0 % (2/2)"), ("repetition 1", "0.0 % (0/2)"), ("repetition 2", "100.0 % (2/2)")
    ]  # fmt: skip
    assert not [row for row in shown_rows(found_table(of_series(1, missed=()))) if "repetition" in row[0]]
    assert found_counts(of_series(3, missed=(1,)))["repetition"]["1"] == {"found": 0, "of": 2}


def test_of_a_long_series_the_worst_repetitions_are_told():
    rows = [row for row in shown_rows(found_table(of_series(40, missed=(7, 31)))) if "repetition" in row[0]]
    assert len(rows) == MOST_REPETITIONS + 1
    assert {("repetition 7", "0.0 % (0/2)"), ("repetition 31", "0.0 % (0/2)")} <= set(rows)
    assert rows[-1] == (f"{40 - MOST_REPETITIONS} other repetitions", "100.0 % (56/56)")


def shown_rows(table):
    return list(zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True))
