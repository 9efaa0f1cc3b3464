"""Bytes in, values, and the same bytes out."""

import struct

import numpy as np
import pytest
from helpers.builders import CLOSE, acquisition, encoding, header_xml, message, waveform
from helpers.connections import parse, run_on_connection, stub_connection
from helpers.foreign_messages import bucket, image, image_array, recon_data, u64
from hypothesis import given, settings
from hypothesis import strategies as st
from ismrmrd import xsd

from gadgets.errors import PeerLostError, RawDataError, WireError
from gadgets.indices import Indices
from gadgets.kspace.assembly import assemble
from gadgets.kspace.readout import ACQ_IS_REVERSE, Limits
from gadgets.records import Calibration, Detection, Point, RepairedPoint
from gadgets.wire import RecordCollector, attach, cells_of, encodings_of, recon_data_of, replace_cells, waveforms_of
from gadgets.wire.waveforms import Waveform


def echo(connection):
    attach(connection)
    for item in connection:
        connection.send(item)


def stream_of(content: bytes) -> bytes:
    header = header_xml([encoding()])
    config = b"<configuration/>"
    start = struct.pack("<HI", 2, len(config)) + config + struct.pack("<HI", 3, len(header)) + header
    return start + content


MESSAGES = {
    "acquisition": message(acquisition()),
    "acquisition with trajectory": message(acquisition(n_trajectory=2)),
    "acquisition without samples": message(acquisition(n_samples=0)),
    "waveform": message(waveform()),
    "waveform without samples": message(waveform(n_samples=0)),
    "large waveform": message(waveform(n_samples=65535, n_channels=3)),
    "image": image(),
    "complex image": image(8),
    "image array": image_array(),
    "bucket": bucket(),
    "recon data": recon_data(),
    "recon data without bits": struct.pack("<H", 1023) + u64(0),
}


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES.keys())
def test_messages_pass_byte_for_byte(content):
    assert run_on_connection(echo, stream_of(content * 3 + CLOSE)) == content * 3 + CLOSE


@pytest.mark.parametrize("content", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_stream_cut_off_anywhere_is_a_lost_peer(content):
    for length in {1, 2, 3, 100, len(content) // 2, len(content) - 1} & set(range(len(content))):
        with pytest.raises(PeerLostError, match="ended without CLOSE"):
            parse(content[:length])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (struct.pack("<H", 55344), "found message id 55344"),
        (struct.pack("<HI", 5, 4) + b"oops", "error message: oops"),
        (struct.pack("<HQ", 8, 4) + b"oops", "error message: oops"),
        (struct.pack("<HQ", 8, 1 << 60), "overlong"),
        (struct.pack("<H", 1023) + u64(1 << 60), "at most 65536 bits"),
        (struct.pack("<H", 1023) + u64(1, 1 << 60), "at most 16 dimensions"),
        (struct.pack("<H", 1023) + u64(1, 7, *[1 << 40] * 7), "found dimensions"),
        (struct.pack("<H", 1050) + u64(*[1 << 50] * 13), "a bucket of at most"),
        (struct.pack("<H", 1022) + bytes(198) + u64(1 << 50), "image meta data"),
        (image(9), "data type 1 to 8, found 9"),
        (struct.pack("<H", 1024) + u64(1, 0) + u64(1, 0) + u64(1 << 50), "elements in an image array"),
        (struct.pack("<H", 1024) + u64(1, 0) + u64(1, 0) + u64(1, 1 << 60), "in one array"),
    ],
)
def test_what_is_not_in_the_protocol_is_an_error(content, complaint):
    with pytest.raises(WireError, match=complaint):
        parse(content, as_node=True)


def test_a_large_count_fails_at_the_end_of_the_stream_and_not_in_the_memory():
    with pytest.raises(PeerLostError, match="short of a whole message"):
        parse(struct.pack("<H", 1023) + u64(1, 1, 1 << 30) + bytes(1000))


def test_a_pause_beyond_the_time_limit_is_a_lost_peer(monkeypatch):
    connection, other = stub_connection()
    connection.socket.socket.settimeout(0.05)
    transport = attach(connection)
    with pytest.raises(PeerLostError, match=r"nothing came for 0\.05 s, between messages"):
        transport.read(2)
    monkeypatch.setattr("gadgets.wire.transport.STALL_S", 0.06)
    other.sendall(b"\xf0\x03abc")
    transport.read(2)
    with pytest.raises(PeerLostError, match=r"nothing came for 0\.06 s, 337 bytes short of a whole message"):
        transport.read(340)
    other.close()
    with pytest.raises(PeerLostError, match="broke while sending"):
        transport.write(bytes(1 << 22))
    transport.close()


def test_small_writes_go_out_before_a_read_waits():
    connection, other = stub_connection()
    transport = attach(connection)
    transport.write(b"abc")
    other.sendall(b"xyz")
    assert transport.read(3) == b"xyz"
    assert other.recv(10) == b"abc"
    transport.close()
    assert other.recv(10) == CLOSE
    other.close()


@given(seed=st.integers(0, 99), n_samples=st.integers(0, 40), n_coils=st.integers(0, 5), n_trajectory=st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_header_trajectory_and_samples_survive(seed, n_samples, n_coils, n_trajectory):
    item = acquisition(seed=seed, n_samples=n_samples, n_coils=n_coils, n_trajectory=n_trajectory)
    ((_, read), _) = parse(message(item) + CLOSE)
    assert (read.header, read.trajectory, read.samples) == (item.header, item.trajectory, item.samples)
    assert read.data.shape == (n_coils, n_samples)
    assert message(read.with_data(read.data)) == message(item)


def test_the_readout_of_an_acquisition_has_its_place_and_time():
    item = acquisition(
        3, 2, flags=ACQ_IS_REVERSE, slice=1, contrast=2, phase=3, repetition=4, set=5, average=6, encoding=7,
        center_sample=5, discard_pre=1, discard_post=2, scan_counter=70000,
    )  # fmt: skip
    readout = item.readout()
    assert readout.indices == Indices(encoding=7, slice=1, contrast=2, phase=3, repetition=4, set=5, average=6)
    assert (readout.line, readout.partition, readout.centre_sample) == (3, 2, 5)
    assert (readout.n_discarded, readout.scan_counter, readout.time_stamp) == ((1, 2), 70000, 12)
    assert readout.is_reversed
    assert readout.source is item


def a_detection(n_points: int) -> Detection:
    points = tuple(
        Point(partition=0, line=n, sample=n, receivers=(0, 1), probability=0.5, scan_counter=n, time_stamp=n)
        for n in range(n_points)
    )
    return Detection(indices=Indices(slice=3), points=points, provider="CPUExecutionProvider", warning="größer")


@pytest.mark.parametrize("n_points", [0, 1, 7, 5000])
def test_records_survive_the_waveforms_they_travel_in(n_points):
    detection = a_detection(n_points)
    repaired = RepairedPoint(
        point=a_detection(1).points[0], method="zero", magnitude_before=np.inf, magnitude_after=0.0
    )
    calibration = Calibration(indices=Indices(), points=(repaired,))
    collector = RecordCollector()
    waveforms = waveforms_of(detection) + waveforms_of(calibration)
    assert all(len(item.samples) <= 65535 * 4 for item in waveforms)
    assert all(collector.add(item) for item in waveforms)
    assert collector.take(Detection) == [detection]
    assert collector.take(Detection) == []
    assert collector.take(Calibration) == [calibration]


@given(st.integers(0, 30), st.text(max_size=30), st.floats(allow_nan=False))
@settings(deadline=None, max_examples=30)
def test_packing_and_unpacking_points_is_the_identity(n_points, warning, seconds):
    detection = a_detection(n_points).model_copy(update={"warning": warning, "seconds": seconds})
    collector = RecordCollector()
    for item in waveforms_of(detection):
        assert collector.add(item)
    assert collector.take(Detection) == [detection]


def test_other_waveforms_are_no_records():
    collector = RecordCollector()
    assert not collector.add(waveform(waveform_id=1100))
    assert not collector.add(waveform(waveform_id=1100, n_samples=0))
    assert not collector.add(waveform(waveform_id=0))


def test_a_piece_out_of_order_is_an_error():
    first, second, third, *rest = waveforms_of(a_detection(5000))
    collector = RecordCollector()
    with pytest.raises(RawDataError, match=r"expected piece 0 of a record in waveform 1100, found piece 1 of"):
        collector.add(second)
    collector.add(first)
    with pytest.raises(RawDataError, match=r"expected piece 1 of a record in waveform 1100, found piece 2 of"):
        collector.add(third)
    # The next record is not lost with the damaged one.
    assert all(collector.add(item) for item in (first, second, third, *rest))
    assert collector.take(Detection) == [a_detection(5000)]


def test_a_damaged_record_is_an_error():
    (item,) = waveforms_of(a_detection(0))
    damaged = Waveform(item.header, item.samples.replace(b"slice", b"slime"))
    with pytest.raises(RawDataError, match="waveform 1100 holds no Detection record"):
        RecordCollector().add(damaged)


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


def test_the_header_gives_its_encodings():
    expected = [encoding(n_lines=8, acceleration=2), encoding(n_lines=6, n_partitions=4, trajectory="radial")]
    assert encodings_of(xsd.CreateFromDocument(header_xml(expected))) == tuple(expected)


def test_limits_that_the_header_lacks_come_from_the_matrix():
    text = header_xml([encoding(n_lines=9)])
    start, end = text.index(b"<kspace_encoding_step_1><min"), text.index(b"</encodingLimits>")
    (found,) = encodings_of(xsd.CreateFromDocument(text[:start] + text[end:]))
    assert found.lines == Limits(0, 4, 8)
    assert found.partitions == Limits(0, 0, 0)
