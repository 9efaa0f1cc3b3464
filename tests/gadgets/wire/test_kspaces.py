"""K-spaces as ReconData, and ReconData of others as k-spaces."""

import struct

import numpy as np
import pytest
from helpers.builders import CLOSE, acquisition, encoding
from helpers.connections import parse
from helpers.foreign_messages import recon_data, u64

from gadgets.errors import RawDataError
from gadgets.kspace.assembly.assembler import assemble
from gadgets.kspace.readout import ACQ_IS_REVERSE
from gadgets.wire import cells_of, recon_data_of, replace_cells


def acquired_kspace(item_encoding, acquisitions):
    (acquired,) = assemble((item.readout() for item in acquisitions), [item_encoding])
    return acquired


@pytest.mark.parametrize(("n_partitions", "discard_pre", "center_sample"), [(1, 0, 8), (3, 2, 8), (1, 0, 4)])
def test_a_kspace_survives_its_recon_data(n_partitions, discard_pre, center_sample):
    item_encoding = encoding(n_partitions=n_partitions, acceleration=2)
    acquisitions = [
        acquisition(
            line,
            partition,
            flags=ACQ_IS_REVERSE if line == 2 else 0,
            discard_pre=discard_pre,
            center_sample=center_sample,
            repetition=2,
        )
        for partition in range(n_partitions)
        for line in (0, 2, 4, 6, 7)
    ]
    acquired = acquired_kspace(item_encoding, acquisitions)
    sent = recon_data_of(acquired, item_encoding)
    (cell,) = cells_of(sent, [])
    for name in ("data", "sampled", "scan_counter", "time_stamp", "reversed_lines"):
        np.testing.assert_array_equal(getattr(cell.kspace, name), getattr(acquired.kspace, name), err_msg=name)
    assert cell.kspace.centre == acquired.kspace.centre
    assert cell.kspace.indices == acquired.kspace.indices
    assert cell.encoding.encoded_fov == item_encoding.encoded_fov
    assert (cell.encoding.lines, cell.encoding.partitions) == (item_encoding.lines, item_encoding.partitions)
    headers = sent.bits[0].data.header_array()[0, 0, 0]
    assert headers[0, 2].tobytes() == acquisitions[1].header
    assert int(cell.header["idx"]["kspace_encode_step_1"]) == 4


def test_every_cell_of_a_foreign_recon_data_is_a_kspace():
    ((_, received), _) = parse(recon_data() + CLOSE)
    cells = cells_of(received, [])
    assert [cell.place for cell in cells] == [
        (bit, loc, 0, n) for bit in range(2) for loc in range(3) for n in range(2)
    ]
    assert all(cell.kspace.acquired_lines.tolist() == [[True, True, True, False]] for cell in cells)
    whole = received.bits[1].data.data_array()
    assert np.shares_memory(cells[-1].kspace.data, whole)
    np.testing.assert_array_equal(cells[-1].kspace.data, whole[2, 0, 1])


def test_lines_of_another_trajectory_are_no_places():
    for trajectory, is_gridded in (("cartesian", True), ("epi", True), ("radial", False)):
        other = encoding(trajectory=trajectory)
        (cell,) = cells_of(recon_data_of(acquired_kspace(other, [acquisition(0)]), other), [other])
        assert cell.kspace.is_gridded is is_gridded


def test_replacing_a_cell_changes_nothing_else():
    content = recon_data()
    ((_, received), _) = parse(content + CLOSE)
    cell = cells_of(received, [])[7]
    changed = cell.kspace.data.copy()
    changed[0, 0, 1, 2] = 5
    sent = replace_cells(received, {cell.place: changed})
    before = np.concatenate([item.kspace.data.ravel() for item in cells_of(received, [])])
    after = np.concatenate([item.kspace.data.ravel() for item in cells_of(sent, [])])
    assert np.flatnonzero(before.view(np.uint64) != after.view(np.uint64)).tolist() == [7 * 64 + 10]
    assert sent.bits[0] is received.bits[0]
    assert sent.bits[1].reference is received.bits[1].reference
    assert sent.bits[1].data.extras is received.bits[1].data.extras


def test_recon_data_of_other_dimensions_is_an_error():
    content = struct.pack("<H", 1023) + u64(1) + u64(1, 4) + bytes(32) + bytes(2) + u64(1, 0) + bytes(56) + b"\x00"
    ((_, received), _) = parse(content + CLOSE)
    with pytest.raises(RawDataError, match="expected data of 7 and headers of 5 dimensions"):
        cells_of(received, [])


def test_an_empty_sampling_description_is_filled_from_the_header():
    item_encoding = encoding()
    acquired = acquired_kspace(item_encoding, [acquisition(line) for line in range(8)])
    sent = recon_data_of(acquired, item_encoding)
    bit = sent.bits[0]
    empty = type(sent)((type(bit)(type(bit.data)(**{**vars(bit.data), "sampling": bytes(56)})),))
    (cell,) = cells_of(empty, [item_encoding])
    assert cell.encoding == item_encoding
    assert cell.kspace.centre == acquired.kspace.centre
    with pytest.raises(RawDataError, match="names encoding 0, the header has 0 encodings"):
        cells_of(empty, [])


def test_kspaces_with_nothing_in_them_are_not_counted_on():
    millions = (0, 0, 1, 1, 10_000_000, 1, 1)
    content = struct.pack("<H", 1023) + u64(1, 7, *millions) + b"\0\0" + u64(5, 0, 1, 10_000_000, 1, 1) + bytes(57)
    ((_, declared), _) = parse(content + CLOSE)
    with pytest.raises(RawDataError, match="expected samples in a ReconData, found data"):
        cells_of(declared, [encoding()])


def test_a_matrix_that_recon_data_cannot_say_is_refused_in_words():
    acquired = acquired_kspace(encoding(), [acquisition(line) for line in range(8)])
    with pytest.raises(RawDataError, match="matrices and limits of at most 65535, found 1000000"):
        recon_data_of(acquired, encoding(n_lines=1_000_000))
