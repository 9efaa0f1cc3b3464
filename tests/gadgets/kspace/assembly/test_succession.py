"""Averages and repetitions that take turns stay whole, and those that do not are not waited for."""

from dataclasses import replace
from itertools import pairwise

import pytest
from helpers.builders import encoding, readout

from gadgets.indices import Indices
from gadgets.kspace.assembly.assembler import KSpaceAssembler, assemble
from gadgets.kspace.readout import ACQ_FIRST_IN_REPETITION, ACQ_LAST_IN_MEASUREMENT, ACQ_LAST_IN_REPETITION

N_SPARSE = 48


def in_turns(counter, n_groups, order, n_lines=16):
    """Each group of every n-th line once for each average, in the order given for that group."""
    return [
        readout(line, **{counter: number})
        for group in range(n_groups)
        for number in order(group)
        for line in range(group, n_lines, n_groups)
    ]


@pytest.mark.parametrize("counter", ["average", "repetition"])
@pytest.mark.parametrize("n_groups", [2, 4, 8])
@pytest.mark.parametrize(
    "order",
    [lambda _: (0, 1), lambda _: (0, 1, 2), lambda group: (0, 1) if group % 2 == 0 else (1, 0)],
    ids=["two", "three", "there and back"],
)
def test_kspaces_that_take_turns_stay_whole(counter, n_groups, order):
    found = list(assemble(in_turns(counter, n_groups, order), [encoding(n_lines=16)]))
    assert sorted(getattr(acquired.kspace.indices, counter) for acquired in found) == sorted(order(0))
    assert all(acquired.kspace.sampled.all() and not acquired.warning for acquired in found)


def test_each_comes_with_its_own_last_line():
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    complete = [len(assembler.add(item)) for item in in_turns("average", 4, lambda _: (0, 1))]
    assert complete == [0] * 27 + [1] + [0] * 3 + [1]


def blocks(cuts, order, **counters):
    """Blocks of neighbouring lines, each once for each average, in the order given for that block."""
    bounds = [0, *cuts, 16]
    return [
        readout(line, average=number, **counters)
        for block, (start, stop) in enumerate(pairwise(bounds))
        for number in order(block)
        for line in range(start, stop)
    ]


@pytest.mark.parametrize("cuts", [(12,), (14,), (9, 12), (2,), (15,), (1, 3, 10)])
@pytest.mark.parametrize(
    "order",
    [lambda _: (0, 1), lambda _: (0, 1, 2, 3), lambda block: (0, 1) if block % 2 == 0 else (1, 0)],
    ids=["two", "four", "there and back"],
)
def test_blocks_of_unequal_size_stay_whole_too(cuts, order):
    readouts = blocks(cuts, order) + blocks(cuts, order, slice=1)
    found = list(assemble(readouts, [encoding(n_lines=16)]))
    assert [len(acquired.readouts) for acquired in found] == [16] * (2 * len(order(0)))
    assert not any(acquired.warning for acquired in found)


@pytest.mark.parametrize("announced", [11, 0])
def test_as_many_averages_wait_as_the_header_announces(announced):
    readouts = blocks((12,), lambda _: range(12))
    found = list(assemble(readouts, [replace(encoding(n_lines=16), last=Indices(average=announced))]))
    assert (len(found) == 12) is bool(announced)
    assert any("too many" in acquired.warning for acquired in found) is (announced == 0)


@pytest.mark.parametrize("n_lines", [5, 9, 15])
def test_a_kspace_cut_short_ends_where_the_next_begins_after_a_whole_one(n_lines):
    readouts = [readout(line) for line in range(n_lines)]
    readouts += [readout(line, repetition=number) for number in (1, 2) for line in range(16)]
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    complete = [assembler.add(item) for item in readouts]
    assert [number - n_lines for number, acquired in enumerate(complete) if acquired] == [15, 16, 31]
    assert f"{16 - n_lines} of 16 expected readouts are missing" in complete[n_lines + 16][0].warning


def test_sparse_repetitions_are_waited_for_only_once():
    readouts = [readout(line, repetition=number) for number in range(N_SPARSE) for line in (0, 5, 8, 11)]
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    most_open, complete = 0, []
    for item in readouts:
        complete += assembler.add(item)
        # Sixteen of a quarter are four whole k-spaces.
        if item.indices.repetition > 16:
            assert assembler.n_open == 1
        most_open = max(most_open, assembler.n_open)
    complete += assembler.flush()
    assert most_open == 16
    assert [acquired.kspace.indices.repetition for acquired in complete] == list(range(N_SPARSE))
    assert all(len(acquired.readouts) == 4 for acquired in complete)


def test_slices_do_not_end_each_other():
    readouts = [readout(line, slice=number % 2, average=number // 2) for number in range(4) for line in (0, 4)]
    readouts += [readout(line, slice=number % 2, average=number // 2) for number in range(4) for line in (2, 6)]
    found = list(assemble(readouts, [encoding(acceleration=2)]))
    assert [len(acquired.readouts) for acquired in found] == [4, 4, 4, 4]


def in_two_blocks(counter):
    """Two k-spaces, each in two blocks of lines."""
    return [
        readout(line, **{counter: number}) for start in (0, 8) for number in (0, 1) for line in range(start, start + 8)
    ]


@pytest.mark.parametrize("first", [0, ACQ_FIRST_IN_REPETITION])
@pytest.mark.parametrize("last", [ACQ_LAST_IN_REPETITION, ACQ_LAST_IN_MEASUREMENT])
@pytest.mark.parametrize("counter", ["slice", "contrast", "phase", "set", "average"])
def test_where_each_has_a_last_flag_that_of_one_does_not_end_those_that_go_on(counter, last, first):
    flags = {0: first, 15: last}
    readouts = [replace(item, flags=flags.get(item.line, 0)) for item in in_two_blocks(counter)]
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    complete = [assembler.add(item) for item in readouts]
    assert [number for number, acquired in enumerate(complete) if acquired] == [23, 31]
    assert [len(acquired.readouts) for acquired in (*complete[23], *complete[31])] == [16, 16]
    assert not any(acquired.warning for acquired in (*complete[23], *complete[31]))


@pytest.mark.parametrize("flag", [ACQ_LAST_IN_REPETITION, ACQ_LAST_IN_MEASUREMENT])
def test_what_lacks_readouts_at_the_last_flag_of_all_ends_when_another_opens_and_is_said(flag):
    readouts = [readout(line, slice=number) for line in range(16) for number in (0, 1) if (line, number) != (9, 0)]
    readouts[-1] = replace(readouts[-1], flags=flag)
    readouts.append(readout(0, repetition=1))
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    *before, at_flag, behind = [assembler.add(item) for item in readouts]
    assert not any(before)
    assert [acquired.indices.slice for acquired in (*at_flag, *behind)] == [1, 0]
    assert "1 of 16 expected readouts are missing" in behind[0].warning
