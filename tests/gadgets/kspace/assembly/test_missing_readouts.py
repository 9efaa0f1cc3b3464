"""With how few readouts a k-space is none."""

from dataclasses import replace

import pytest
from helpers.builders import encoding, readout

from gadgets.kspace.assembly.assembler import assemble
from gadgets.kspace.assembly.missing_readouts import fewest_readouts, reason_too_few
from gadgets.kspace.readout import ACQ_LAST_IN_SLICE, Limits

FEW_ANNOUNCED = replace(encoding(n_lines=128), lines=Limits(60, 64, 63))


@pytest.mark.parametrize(
    ("of_encoding", "is_whole", "wanted", "fewest"),
    [
        (encoding(n_lines=128), False, None, 32),
        (encoding(n_lines=128), True, None, 8),
        (encoding(n_lines=16), False, None, 8),
        (encoding(n_lines=8), False, None, 4),
        (encoding(n_lines=128, acceleration=8), False, None, 16),
        (FEW_ANNOUNCED, False, None, 4),
        (encoding(n_lines=1), False, None, 1),
        (encoding(n_lines=128), False, 5, 5),
        (encoding(n_lines=128), True, 100, 100),
        (encoding(n_lines=8), False, 100, 8),
    ],
)
def test_as_few_as_the_header_announces_and_else_8_and_a_quarter(of_encoding, is_whole, wanted, fewest):
    assert fewest_readouts(of_encoding, is_whole=is_whole, wanted=wanted) == fewest


@pytest.mark.parametrize(
    ("n_lines", "flags", "is_too_few"), [(31, 0, True), (32, 0, False), (8, ACQ_LAST_IN_SLICE, False)]
)
def test_a_flag_says_that_nothing_is_missing(n_lines, flags, is_too_few):
    readouts = [readout(line, flags=flags if line == n_lines - 1 else 0) for line in range(n_lines)]
    (acquired,) = assemble(readouts, [encoding(n_lines=128)])
    assert bool(reason_too_few(acquired)) == is_too_few


def test_stray_readouts_do_not_tell_what_a_whole_kspace_has():
    stray = [readout(0, flags=ACQ_LAST_IN_SLICE, slice=1)]
    readouts = [readout(line) for line in range(20)]
    _, acquired = assemble(stray + readouts, [encoding(n_lines=32)])
    assert acquired.n_missing == 12


@pytest.mark.parametrize(("centre", "is_said"), [(0, True), (3, True), (7, False), (8, False)])
def test_centres_so_far_apart_that_the_kspace_is_far_wider_than_its_matrix_are_said(centre, is_said):
    """Of a few readouts the others tell that they are foreign; of half of them nobody can."""
    readouts = [readout(line, centre=centre if line % 2 else 8) for line in range(16)]
    (acquired,) = assemble(readouts, [encoding(n_lines=16)])
    assert len(acquired.readouts) == 16
    assert ("some of these centres are wrong" in acquired.warning) is is_said
