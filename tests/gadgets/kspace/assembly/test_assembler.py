"""Assembly of k-spaces against a slow oracle, and each way a k-space can end."""

import numpy as np
import pytest
from helpers.builders import encoding, readout
from helpers.naive import assemble_slowly
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import RawDataError
from gadgets.indices import Indices, describe
from gadgets.kspace.assembly.assembler import KSpaceAssembler, assemble
from gadgets.kspace.assembly.layers import Key
from gadgets.kspace.readout import (
    ACQ_FIRST_IN_SLICE,
    ACQ_IS_REVERSE,
    ACQ_LAST_IN_MEASUREMENT,
    ACQ_LAST_IN_REPETITION,
    ACQ_LAST_IN_SLICE,
)


def lines_of(acquired):
    return [item.line for item in acquired.readouts]


def test_full_limits_complete_a_kspace_without_any_flag():
    assembler = KSpaceAssembler([encoding(n_lines=4)])
    complete = [assembler.add(readout(line)) for line in (3, 0, 1, 2)]
    assert [len(acquired) for acquired in complete] == [0, 0, 0, 1]
    kspace = complete[-1][0].kspace
    assert kspace.data.shape == (2, 1, 4, 16)
    assert kspace.sampled.all()
    assert kspace.centre == (0, 2, 8)
    assert kspace.scan_counter.tolist() == [[1, 2, 3, 4]]
    assert assembler.n_open == 0


@pytest.mark.parametrize("flag", [ACQ_LAST_IN_SLICE, ACQ_LAST_IN_REPETITION, ACQ_LAST_IN_MEASUREMENT])
def test_a_flag_completes_a_kspace_and_what_was_left_out_is_not_missing(flag):
    readouts = [readout(line, flags=flag if line == 6 else 0) for line in (0, 2, 4, 6)]
    (acquired,) = assemble(readouts, [encoding(n_lines=8)])
    assert acquired.n_missing == 0
    assert not acquired.warning
    assert acquired.kspace.acquired_lines.tolist() == [[True, False] * 4]
    assert not acquired.kspace.data[:, 0, 1::2].any()


def test_last_in_slice_of_a_partition_leaves_a_3d_kspace_open():
    readouts = [
        readout(line, partition, flags=ACQ_LAST_IN_SLICE if line == 3 else 0)
        for partition in range(3)
        for line in range(4)
    ]
    (acquired,) = assemble(readouts, [encoding(n_lines=4, n_partitions=3)])
    assert acquired.kspace.data.shape == (2, 3, 4, 16)
    assert acquired.kspace.sampled.all()


def test_a_3d_kspace_cut_off_after_a_partition_is_incomplete():
    readouts = [
        readout(line, partition, flags=ACQ_LAST_IN_SLICE if line == 3 else 0)
        for partition in range(2)
        for line in range(4)
    ]
    (acquired,) = assemble(readouts, [encoding(n_lines=4, n_partitions=3)])
    assert acquired.n_missing == 4


def test_a_3d_kspace_whose_last_readout_alone_is_flagged_lacks_nothing():
    readouts = [readout(line, partition) for partition in range(3) for line in (0, 2)]
    readouts.append(readout(3, 2, flags=ACQ_LAST_IN_SLICE))
    (acquired,) = assemble(readouts, [encoding(n_lines=4, n_partitions=3)])
    assert acquired.n_missing == 0


def test_last_in_repetition_completes_all_interleaved_kspaces_of_the_repetition():
    readouts = [readout(line, slice=number) for line in (0, 2) for number in (0, 1)]
    readouts[-1] = readout(2, slice=1, flags=ACQ_LAST_IN_REPETITION)
    assembler = KSpaceAssembler([encoding()])
    complete = [acquired for item in readouts for acquired in assembler.add(item)]
    assert [acquired.kspace.indices.slice for acquired in complete] == [0, 1]
    assert [lines_of(acquired) for acquired in complete] == [[0, 2], [0, 2]]


def test_a_line_that_comes_twice_opens_the_next_kspace():
    complete = list(assemble([readout(line) for line in (0, 2, 4, 0, 2, 4)], [encoding(acceleration=3)]))
    assert [lines_of(acquired) for acquired in complete] == [[0, 2, 4], [0, 2, 4]]


@pytest.mark.parametrize("counter", ["repetition", "average"])
def test_a_newer_repetition_or_average_completes_the_older_one(counter):
    assembler = KSpaceAssembler([encoding(acceleration=2)])
    for line in (0, 2, 4, 6):
        assert assembler.add(readout(line, **{counter: 0})) == []
    (acquired,) = assembler.add(readout(0, **{counter: 1}))
    assert lines_of(acquired) == [0, 2, 4, 6]
    assert acquired.n_missing == 0


@pytest.mark.parametrize("counter", ["slice", "contrast", "phase", "repetition", "set", "average"])
def test_kspaces_interleaved_line_by_line_stay_whole(counter):
    readouts = [readout(line, **{counter: number}) for line in range(4) for number in range(3)]
    complete = list(assemble(readouts, [encoding(n_lines=4)]))
    assert [lines_of(acquired) for acquired in complete] == [[0, 1, 2, 3]] * 3
    assert [getattr(acquired.kspace.indices, counter) for acquired in complete] == [0, 1, 2]


def test_encodings_keep_apart():
    encodings = [encoding(n_lines=2), encoding(n_lines=3, n_samples=8)]
    readouts = [readout(0), readout(0, n_samples=8, encoding=1), readout(1)]
    readouts += [readout(line, n_samples=8, encoding=1) for line in (1, 2)]
    complete = list(assemble(readouts, encodings))
    assert [acquired.kspace.data.shape for acquired in complete] == [(2, 1, 2, 16), (2, 1, 3, 8)]


def test_a_stream_that_ends_early_counts_what_is_missing():
    (acquired,) = assemble([readout(line) for line in range(5)], [encoding(n_lines=8)])
    assert acquired.n_missing == 3
    assert "3 of 8 expected readouts are missing" in acquired.warning
    assert acquired.kspace.acquired_lines.sum() == 5


def test_an_accelerated_stream_without_its_last_flag_is_short_of_at_least_one_readout():
    readouts = [readout(0, flags=ACQ_FIRST_IN_SLICE), *(readout(line) for line in (2, 3, 4, 5))]
    (acquired,) = assemble(readouts, [encoding(n_lines=8, acceleration=2)])
    assert acquired.n_missing == 1


def test_a_later_kspace_is_counted_against_a_complete_one():
    readouts = [readout(line, flags=ACQ_LAST_IN_SLICE if line == 7 else 0) for line in range(2, 8)]
    readouts += [readout(line, repetition=1) for line in range(2, 6)]
    complete = list(assemble(readouts, [encoding(n_lines=8)]))
    assert [acquired.n_missing for acquired in complete] == [0, 2]


def test_partial_fourier_without_flags_is_by_design_once_it_repeats():
    readouts = [readout(line, repetition=number) for number in range(3) for line in range(3, 8)]
    complete = list(assemble(readouts, [encoding(n_lines=8, minimum=3)]))
    assert [acquired.n_missing for acquired in complete] == [0, 0, 0]


def test_reversed_lines_are_kept_as_acquired():
    forward, backward = readout(0), readout(1, flags=ACQ_IS_REVERSE)
    (acquired,) = assemble([forward, backward], [encoding(n_lines=2)])
    np.testing.assert_array_equal(acquired.kspace.data[:, 0, 1], backward.data)
    assert acquired.kspace.reversed_lines.tolist() == [[False, True]]


def test_discarded_samples_are_not_sampled():
    (acquired,) = assemble([readout(0, discarded=(2, 3))], [encoding(n_lines=1)])
    assert acquired.kspace.sampled[0, 0].tolist() == [False] * 2 + [True] * 11 + [False] * 3
    assert not acquired.kspace.data[:, ~acquired.kspace.sampled].any()


def test_asymmetric_and_partial_echoes_lie_at_their_centre():
    whole, partial = readout(0, n_samples=16, centre=8), readout(1, n_samples=12, centre=4)
    turned = readout(2, n_samples=12, centre=4, flags=ACQ_IS_REVERSE)
    (acquired,) = assemble([whole, partial, turned], [encoding(n_lines=3)])
    kspace = acquired.kspace
    assert kspace.centre[2] == 8
    np.testing.assert_array_equal(kspace.data[:, 0, 1, 4:], partial.data)
    np.testing.assert_array_equal(kspace.data[:, 0, 2, :12], turned.data)
    assert kspace.sampled[0].sum(axis=1).tolist() == [16, 12, 12]


def test_readouts_of_other_receivers_wait_apart():
    assembler = KSpaceAssembler([encoding()])
    assembler.add(readout(0, n_coils=2))
    assembler.add(readout(1, n_coils=3))
    assert [assembler.n_waiting(Key(Indices(), n_coils)) for n_coils in (2, 3, 4)] == [1, 1, 0]


def test_a_line_outside_the_matrix_is_an_error():
    with pytest.raises(RawDataError, match=r"below 8 and 1 .* found 8 and 0 at scan counter 9"):
        KSpaceAssembler([encoding(n_lines=8)]).add(readout(8))


def test_an_unknown_encoding_is_an_error():
    with pytest.raises(RawDataError, match="expected an encoding below 1"):
        KSpaceAssembler([encoding()]).add(readout(0, encoding=1))


def test_describe_names_the_counters_that_differ_from_0():
    assert describe(Indices(slice=2, repetition=1)) == "slice 2, repetition 1"
    assert describe(Indices()) == "first k-space"


@st.composite
def streams(draw):
    """Any order of slices, sets and lines, each line at most once per k-space."""
    places = draw(
        st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 4), st.integers(0, 2)),
            unique=True,
            max_size=40,
        )
    )
    return [
        readout(line, partition, n_samples=draw(st.sampled_from((6, 8))), slice=number, set=group)
        for number, group, line, partition in places
    ]


@settings(deadline=None, max_examples=50)
@given(streams())
def test_every_readout_lies_where_the_oracle_puts_it(readouts):
    item = encoding(n_lines=5, n_samples=8, n_partitions=3)
    complete = {acquired.kspace.indices: acquired.kspace for acquired in assemble(readouts, [item])}
    expected = assemble_slowly(readouts, item)
    assert complete.keys() == expected.keys()
    for indices, (data, sampled) in expected.items():
        np.testing.assert_array_equal(complete[indices].data, data)
        np.testing.assert_array_equal(complete[indices].sampled, sampled)
