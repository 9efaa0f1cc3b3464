"""Lines that come again with the same counters: echoes and averages of which no counter tells, and stray readouts."""

from dataclasses import replace
from itertools import pairwise

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace.assembly.assembler import KSpaceAssembler
from gadgets.kspace.assembly.layers import MAX_ALIKE, may_more_wait
from gadgets.kspace.readout import ACQ_LAST_IN_MEASUREMENT, ACQ_LAST_IN_SLICE

LINES = range(32)
WHOLE = encoding(n_lines=32)
HALF = encoding(n_lines=32, acceleration=2)


def pass_of(number, lines, flags=0, **fields):
    """Readouts of some lines, the last one flagged; the number of the pass stands in their scan counter."""
    lines = list(lines)
    readouts = [readout(line, flags=flags if at == len(lines) - 1 else 0, **fields) for at, line in enumerate(lines)]
    return [replace(each, scan_counter=number) for each in readouts]


def assembled(readouts, of_encoding=WHOLE):
    """The numbers of the passes that each k-space holds, when it came, the number of readouts left over, warnings."""
    assembler = KSpaceAssembler([of_encoding])
    complete = [(at, acquired) for at, item in enumerate(readouts) for acquired in assembler.add(item)]
    complete += [(len(readouts), acquired) for acquired in assembler.flush()]
    passes = [sorted({item.scan_counter for item in acquired.readouts}) for _, acquired in complete]
    n_left = len(assembler.take_left_over())
    return passes, [at for at, _ in complete], n_left, [acquired.warning for _, acquired in complete]


def echo_trains(n_echoes, lines=LINES, flags=(0,), first=0):
    """Line by line; the flag of each echo stands at the last line."""
    lines = list(lines)
    of_echo = dict(enumerate(flags))
    return [
        each
        for line in lines
        for echo in range(n_echoes)
        for each in pass_of(first + echo, [line], of_echo.get(echo, 0) if line == lines[-1] else 0)
    ]


@pytest.mark.parametrize("n_echoes", [2, 3, 16])
def test_echoes_line_by_line_become_a_kspace_each(n_echoes):
    passes, times, n_left, warnings = assembled(echo_trains(n_echoes))
    assert passes == [[echo] for echo in range(n_echoes)]
    assert set(times) == {32 * n_echoes - 1}  # with the last readout
    assert n_left == 0
    assert f"each line came {n_echoes} times with the same counters (first k-space)" in warnings[0]
    assert not any(warnings[1:])


@pytest.mark.parametrize("flags", [(ACQ_LAST_IN_SLICE,), (ACQ_LAST_IN_MEASUREMENT,) * 3, (0, 0, ACQ_LAST_IN_SLICE)])
@pytest.mark.parametrize("lines", [LINES, LINES[::2]], ids=["full", "accelerated"])
def test_a_flag_ends_them_once_all_echoes_of_its_line_are_there(flags, lines):
    passes, times, n_left, _ = assembled(echo_trains(3, lines, flags), HALF if len(lines) == 16 else WHOLE)
    assert (passes, set(times), n_left) == ([[0], [1], [2]], {3 * len(lines) - 1}, 0)


@pytest.mark.parametrize("cuts", [(24,), (20, 24), (5, 18)])
@pytest.mark.parametrize("n_averages", [2, 3])
def test_trains_of_unequal_length_that_come_again_become_a_kspace_each(cuts, n_averages):
    bounds = [0, *cuts, 32]
    blocks = [LINES[start:stop] for start, stop in pairwise(bounds)]
    passes, _, n_left, _ = assembled([each for b in blocks for n in range(n_averages) for each in pass_of(n, b)])
    assert (passes, n_left) == ([[number] for number in range(n_averages)], 0)


@pytest.mark.parametrize(("n_blocks", "n_averages"), [(2, 2), (4, 2), (8, 4), (8, 12)])
def test_trains_of_lines_that_come_again_become_a_kspace_each(n_blocks, n_averages):
    readouts = [
        each
        for block in range(n_blocks)
        for average in range(n_averages)
        for each in pass_of(average, LINES[block::n_blocks])
    ]
    passes, times, n_left, _ = assembled(readouts)
    assert passes == [[average] for average in range(n_averages)]
    assert (set(times), n_left) == ({32 * n_averages - 1}, 0)


def test_echo_trains_of_several_repetitions_and_slices_keep_apart():
    order = [(repetition, line, number) for repetition in (0, 1) for line in LINES for number in (0, 1)]
    readouts = [
        each
        for repetition, line, number in order
        for echo in (0, 1)
        for each in pass_of(100 * repetition + 10 * number + echo, [line], repetition=repetition, slice=number)
    ]
    passes, _, n_left, warnings = assembled(readouts)
    assert passes == [[0], [1], [10], [11], [100], [101], [110], [111]]
    assert n_left == 0
    assert sum(map(bool, warnings)) == 1


def test_accelerated_passes_without_flags_end_with_the_second_readout_of_the_next():
    passes, times, _, warnings = assembled([each for n in range(3) for each in pass_of(n, LINES[::2])], HALF)
    assert (passes, times) == ([[0], [1], [2]], [17, 33, 48])
    assert not any(warnings)


def test_passes_of_fewer_lines_than_announced_are_waited_for_once_and_that_is_said():
    readouts = [each for number in range(12) for each in pass_of(number, LINES[::2])]
    passes, times, _, warnings = assembled(readouts)
    assert passes == [[number] for number in range(12)]
    assert times == [129] * 8 + [145, 161, 177, 192]  # eight halves are four whole k-spaces
    assert "waited for their turn until they were too many" in " ".join(warnings)


@pytest.mark.parametrize("line", [0, 5, 16])
@pytest.mark.parametrize("n_dummies", [1, 3, 100])
def test_dummy_readouts_before_the_scan_are_left_over_and_none_of_them_is_in_the_kspace(line, n_dummies):
    readouts = pass_of(9, [line] * n_dummies) + pass_of(1, LINES)
    passes, times, n_left, warnings = assembled(readouts)
    assert (passes, times, n_left) == ([[1]], [len(readouts) - 1], n_dummies)
    assert warnings == [""]


@pytest.mark.parametrize("line", [3, 20])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("later", [0, 8])
def test_a_line_that_is_acquired_again_takes_the_place_of_the_first(line, times, later):
    end = line + 1 + later
    readouts = pass_of(1, LINES[:end]) + pass_of(2, [line] * times) + pass_of(1, LINES[end:])
    assembler = KSpaceAssembler([WHOLE])
    complete = [acquired for each in readouts for acquired in assembler.add(each)]
    (acquired,) = complete
    assert {each.line for each in acquired.readouts if each.scan_counter == 2} == {line}
    assert len(assembler.take_left_over()) == times


@pytest.mark.parametrize("at", [0, 7, 31])
def test_a_foreign_readout_takes_no_line_from_the_others(at):
    readouts = pass_of(1, LINES[:at]) + pass_of(9, [5], centre=0) + pass_of(1, LINES[at:])
    assembler = KSpaceAssembler([WHOLE])
    complete = [acquired for each in readouts for acquired in assembler.add(each)] + assembler.flush()
    assert [[each.scan_counter for each in acquired.readouts] for acquired in complete] == [[1] * 32]
    assert complete[0].n_missing == 0
    assert [each.scan_counter for each in assembler.take_left_over()] == [9]


def test_one_line_again_and_again_is_not_held_for_ever():
    assembler = KSpaceAssembler([WHOLE])
    for number in range(3 * MAX_ALIKE):
        assert assembler.add(readout(7)) == []
        assert len(assembler.take_left_over()) == (number >= MAX_ALIKE)


def test_a_line_that_came_again_at_the_end_of_the_stream_is_left_over():
    assembler = KSpaceAssembler([HALF])
    for each in pass_of(1, LINES[::2]) + pass_of(2, [0]):
        assert assembler.add(each) == []
    (acquired,) = assembler.flush()
    assert {each.scan_counter for each in acquired.readouts} == {1}
    assert [each.scan_counter for each in assembler.take_left_over()] == [2]


def test_readouts_of_other_receivers_are_a_kspace_of_their_own_and_end_with_the_one_they_lie_in():
    odd = pass_of(9, [0, 10], n_coils=1)
    assembler = KSpaceAssembler([WHOLE])
    complete = [acquired for each in odd + pass_of(1, LINES) for acquired in assembler.add(each)]
    assert [acquired.kspace.n_coils for acquired in complete] == [2, 1]
    assert assembler.n_open == 0


@pytest.mark.parametrize("n_lines", [(14, 4), (14, 4, 1), (4, 1, 14), (1, 2, 4, 14)], ids=str)
def test_kspaces_of_several_receivers_may_each_end_with_another_one(n_lines):
    odd = [each for i, n in enumerate(n_lines) for each in pass_of(9, LINES[:n], n_coils=3 + i)]
    assembler = KSpaceAssembler([WHOLE])
    complete = [acquired for each in odd + pass_of(1, LINES) for acquired in assembler.add(each)]
    assert sorted(len(acquired.readouts) for acquired in complete) == sorted((*n_lines, len(LINES)))
    assert assembler.n_open == 0


@pytest.mark.parametrize(
    ("lines", "others"), [(LINES, LINES), (LINES[:16], LINES[16:]), (LINES[:12], LINES[12:])], ids=str
)
def test_where_the_receivers_change_with_the_same_counters_that_is_said(lines, others):
    readouts = pass_of(1, lines, n_coils=4) + pass_of(2, others, ACQ_LAST_IN_MEASUREMENT, n_coils=8)
    if len(lines) == len(others) == 32:
        readouts = [each for pair in zip(readouts[:32], readouts[32:], strict=True) for each in pair]
    passes, _, n_left, warnings = assembled(readouts)
    assert (sorted(passes), n_left) == ([[1], [2]], 0)
    assert "receivers have the same counters (first k-space), and make a k-space each" in " ".join(warnings)


@pytest.mark.parametrize(
    ("n_waiting", "n_readouts", "n_averages", "may"),
    [
        (1, 16, 1, True),
        (8, 128, 1, False),
        (8, 128, 6, True),
        (8, 192, 6, False),
        (63, 96, 1, True),
        (64, 96, 1, False),
    ],
)
def test_how_many_may_wait_is_bounded_in_number_and_in_memory(n_waiting, n_readouts, n_averages, may):
    assert may_more_wait(n_waiting, n_readouts, 32, n_averages) is may
