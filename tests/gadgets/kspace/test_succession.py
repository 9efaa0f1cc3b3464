"""Averages and repetitions that take turns stay whole, and those that do not are not waited for."""

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace.assembly import KSpaceAssembler, assemble
from gadgets.kspace.layers import MOST_WAITING


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


def test_a_kspace_cut_short_comes_once_the_next_has_left_it_behind():
    readouts = [readout(line) for line in range(5)] + [readout(line, repetition=1) for line in range(16)]
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    complete = [assembler.add(item) for item in readouts]
    assert [number for number, acquired in enumerate(complete) if acquired] == [5 + 10, 5 + 15]
    assert "11 of 16 expected readouts are missing" in complete[15][0].warning


def test_sparse_repetitions_are_waited_for_only_once():
    readouts = [readout(line, repetition=number) for number in range(3 * MOST_WAITING) for line in (0, 5, 8, 11)]
    assembler = KSpaceAssembler([encoding(n_lines=16)])
    most_open, complete = 0, []
    for item in readouts:
        complete += assembler.add(item)
        if item.indices.repetition > MOST_WAITING:
            assert assembler.n_open == 1
        most_open = max(most_open, assembler.n_open)
    complete += assembler.flush()
    assert most_open <= MOST_WAITING
    assert [acquired.kspace.indices.repetition for acquired in complete] == list(range(3 * MOST_WAITING))
    assert all(len(acquired.readouts) == 4 for acquired in complete)


def test_slices_do_not_end_each_other():
    readouts = [readout(line, slice=number % 2, average=number // 2) for number in range(4) for line in (0, 4)]
    readouts += [readout(line, slice=number % 2, average=number // 2) for number in range(4) for line in (2, 6)]
    found = list(assemble(readouts, [encoding(acceleration=2)]))
    assert [len(acquired.readouts) for acquired in found] == [4, 4, 4, 4]
