"""Limits that are smaller than what is sent, and limits that are small for a reason."""

from dataclasses import replace

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace.assembly.assembler import KSpaceAssembler, assemble
from gadgets.kspace.assembly.claims import are_doubtful, credible
from gadgets.kspace.readout import (
    ACQ_FIRST_IN_REPETITION,
    ACQ_FIRST_IN_SLICE,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
    Limits,
)

WHOLE = encoding(n_lines=16, n_partitions=4)
LINES, PARTITIONS = WHOLE.lines, WHOLE.partitions


@pytest.mark.parametrize(
    ("lines", "partitions"),
    [
        (LINES, Limits(0, 0, 0)),
        (Limits(0, 4, 7), PARTITIONS),
        (Limits(0, 4, 7), Limits(0, 1, 1)),
        (Limits(2, 8, 13), PARTITIONS),
        (LINES, Limits(0, 2, 0)),
        (Limits(8, 8, 8), PARTITIONS),
    ],
    ids=["one partition", "half of the lines", "both", "the middle of the lines", "its centre kept", "one line"],
)
def test_what_comes_beyond_doubtful_limits_shows_that_the_matrix_counts(lines, partitions):
    assembler = KSpaceAssembler([replace(WHOLE, lines=lines, partitions=partitions)])
    places = [(line, partition) for partition in range(4) for line in range(16)]
    complete = [acquired for place in places for acquired in assembler.add(readout(*place))]
    (acquired,) = complete  # with its last readout, once the limits are known to be wrong
    assert acquired.kspace.sampled.all()
    assert acquired.kspace.centre == (2, 8, 8)
    assert "beyond the limits" in acquired.warning
    assert assembler.encoding(0) == WHOLE


def test_a_contradiction_is_said_once_and_holds_for_all_kspaces():
    readouts = [readout(line, slice=number) for number in range(3) for line in range(16)]
    doubtful = replace(encoding(n_lines=16), lines=Limits(0, 4, 7))
    found = list(assemble(readouts, [doubtful]))
    assert [len(acquired.readouts) for acquired in found] == [16, 16, 16]
    assert [bool(acquired.warning) for acquired in found] == [True, False, False]


@pytest.mark.parametrize("lines", [Limits(0, 8, 11), Limits(0, 4, 11), Limits(4, 8, 15)])
def test_partial_fourier_ends_with_its_last_line(lines):
    partial = replace(encoding(n_lines=16), lines=lines)
    assert not are_doubtful(partial)
    assembler = KSpaceAssembler([partial])
    complete = [assembler.add(readout(line)) for line in range(lines.minimum, lines.maximum + 1)]
    assert [len(acquired) for acquired in complete[-2:]] == [0, 1]
    assert not complete[-1][0].warning


def test_what_images_fill_up_with_zeros_ends_at_its_flag_without_a_word():
    filled_up = replace(encoding(n_lines=16), lines=Limits(0, 4, 7))
    assembler = KSpaceAssembler([filled_up])
    complete = [assembler.add(readout(line, flags=ACQ_LAST_IN_SLICE if line == 7 else 0)) for line in range(8)]
    assert [len(acquired) for acquired in complete[-2:]] == [0, 1]
    assert complete[-1][0].kspace.centre[1] == 4
    assert not complete[-1][0].warning


def test_without_a_flag_it_ends_with_the_stream_and_lacks_nothing():
    filled_up = replace(encoding(n_lines=16), lines=Limits(0, 4, 7))
    (acquired,) = assemble([readout(line) for line in range(8)], [filled_up])
    assert acquired.n_missing == 0
    assert not acquired.warning


def test_lines_beyond_trusted_limits_are_said_where_an_image_is_out_already():
    partial = replace(encoding(n_lines=16), lines=Limits(0, 8, 11))
    first, second = assemble([readout(line) for line in range(16)], [partial])
    assert len(first.readouts) == 12
    assert "line 12 lies beyond the limits 0 to 11 of encoding 0" in second.warning
    assert "an image without it may have come before" in second.warning


def test_a_kspace_that_was_whole_by_the_limits_lacks_nothing_where_the_next_one_goes_beyond_them():
    filled_up = replace(encoding(n_lines=16), lines=Limits(0, 4, 7))
    assembler = KSpaceAssembler([filled_up])
    assert not any(assembler.add(readout(line)) for line in range(8))
    (first,) = assembler.add(readout(8, repetition=1))
    assert (len(first.readouts), first.n_missing, first.warning) == (8, 0, "")
    (second,) = assembler.flush()
    assert "line 8 lies beyond the limits 0 to 7" in second.warning


def test_limits_that_tore_one_kspace_apart_tear_no_further():
    partial = replace(encoding(n_lines=16), lines=Limits(0, 8, 11))
    found = list(assemble([readout(line, repetition=number) for number in range(4) for line in range(16)], [partial]))
    assert [len(acquired.readouts) for acquired in found] == [12, 16, 4, 16, 16]


@pytest.mark.parametrize("lines", [Limits(0, 8, 11), Limits(4, 8, 15), Limits(0, 8, 14), Limits(0, 0, 7)])
def test_what_begins_with_a_flag_ends_with_one_whatever_the_limits_say(lines):
    flags = {0: ACQ_FIRST_IN_SLICE, 15: ACQ_LAST_IN_SLICE}
    readouts = [readout(line, slice=number, flags=flags.get(line, 0)) for number in range(2) for line in range(16)]
    assembler = KSpaceAssembler([replace(encoding(n_lines=16), lines=lines)])
    complete = [assembler.add(item) for item in readouts]
    assert [at for at, acquired in enumerate(complete) if acquired] == [15, 31]
    assert [len(acquired.readouts) for each in complete for acquired in each] == [16, 16]
    assert "the matrix counts" in complete[15][0].warning
    assert complete[31][0].warning == ""


def test_partitions_that_are_flagged_each_are_one_volume_although_limits_say_one():
    def flags(line, partition):
        ends = {0: ACQ_FIRST_IN_SLICE, 7: ACQ_LAST_IN_SLICE}.get(line, 0)
        of_volume = {(0, 0): ACQ_FIRST_IN_REPETITION, (7, 3): ACQ_LAST_IN_REPETITION}.get((line, partition), 0)
        return ends | of_volume

    wrong = replace(encoding(n_lines=8, n_partitions=4), partitions=Limits())
    places = [(line, partition) for partition in range(4) for line in range(8)]
    (acquired,) = assemble([readout(*place, flags=flags(*place)) for place in places], [wrong])
    assert acquired.kspace.sampled.all()


@pytest.mark.parametrize(
    ("claimed", "believed"),
    [
        (Limits(0, 8, 11), Limits(0, 8, 11)),
        (Limits(0, 4, 11), Limits(0, 4, 11)),
        (Limits(1, 9, 16), Limits(1, 9, 16)),
        (Limits(0, 7, 15), Limits(0, 7, 15)),
        (Limits(0, 16, 31), Limits(0, 16, 31)),
        (Limits(0, 0, 15), Limits(0, 8, 15)),
        (Limits(0, 15, 15), Limits(0, 8, 15)),
        (Limits(0, 40, 15), Limits(0, 8, 15)),
        (Limits(0, -1, 15), Limits(0, 8, 15)),
        (Limits(0, 40, 31), Limits(0, 16, 31)),
        (Limits(15, 8, 0), Limits(15, 8, 15)),
        (Limits(-1, 8, 15), Limits(0, 8, 15)),
        (Limits(0, 8, 65535), Limits(0, 8, 15)),
        (Limits(0, 8, 2**32 - 1), Limits(0, 8, 15)),
    ],
)
def test_no_limits_are_believed_that_no_kspace_has(claimed, believed):
    assert credible(claimed, 16) == believed


def test_a_matrix_of_one_line_says_nothing_of_the_limits():
    assert credible(Limits(0, 64, 127), 1) == Limits(0, 64, 127)
