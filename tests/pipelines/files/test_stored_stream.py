"""MRD streams in files: cut, changed or of other things."""

import numpy as np
import pytest
from helpers.raw_scans import (
    HEADER,
    make_raw_file,
    raw_acquisition,
)
from helpers.scans.stored_streams import ITEMS, WHOLE, as_messages
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import RawDataError
from pipelines.files import RawFile
from pipelines.files.stored_stream import StoredStream
from pipelines.messages import CLOSE, MessageID, text_message


@pytest.mark.parametrize("more", [WHOLE, b"\0"])
def test_a_second_scan_in_one_file_is_not_left_out_without_a_word(tmp_path, more):
    path = tmp_path / "two.mrd"
    path.write_bytes(WHOLE + more)
    with pytest.raises(RawDataError, match="expected one scan, found more behind the CLOSE of the stream"):
        RawFile(path)


def test_cut_anywhere_it_gives_all_whole_messages(tmp_path):
    starts = np.cumsum([len(WHOLE) - len(b"".join(as_messages(ITEMS))) - 2, *map(len, as_messages(ITEMS))])
    path = tmp_path / "cut.mrd"
    # Around every border between two messages, and at some places between.
    places = {int(start) + step for start in starts for step in (-1, 0, 1, 3, 100)}
    for length in sorted(place for place in places if place < len(WHOLE)):
        path.write_bytes(WHOLE[:length])
        n_whole = int(np.searchsorted(starts, length, side="right")) - 1
        if n_whole < 1:
            with pytest.raises(RawDataError, match=r"cut.mrd: (expected a stream|the stream holds no acquisitions)"):
                StoredStream(path)
            continue
        with StoredStream(path) as scan:
            assert [item.to_bytes() for item in scan] == [item.to_bytes() for item in ITEMS[:n_whole]], length
            assert scan.n_acquisitions + scan.n_waveforms == n_whole


def test_a_stored_stream_says_of_itself_what_a_raw_file_does(tmp_path):
    stored, raw_path = tmp_path / "a.mrd", make_raw_file(tmp_path / "a.h5", ITEMS)
    stored.write_bytes(WHOLE)
    with RawFile(stored) as one, RawFile(raw_path) as other:
        assert (one.n_acquisitions, one.n_waveforms) == (other.n_acquisitions, other.n_waveforms)
        assert b"".join(rows.tobytes() for rows in one.headers(2)) == b"".join(
            rows.tobytes() for rows in other.headers()
        )
        assert [item.to_bytes() for item in one.waveforms()] == [item.to_bytes() for item in other.waveforms()]


def test_a_stream_of_many_small_messages_may_take_its_time(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("pipelines.files.stored_stream.go_on", lambda: said.append(1))
    monkeypatch.setattr("pipelines.files.stored_stream.OFTEN", 2)
    (tmp_path / "a.mrd").write_bytes(WHOLE)
    with StoredStream(tmp_path / "a.mrd"):
        assert len(said) >= len(ITEMS) // 2


def test_a_stream_of_other_things_is_refused(tmp_path):
    path = tmp_path / "a.mrd"
    path.write_bytes(WHOLE[:-2] + bytes(text_message(MessageID.TEXT, "a").data))
    with pytest.raises(RawDataError, match="expected acquisitions and waveforms in a stream, found TEXT"):
        RawFile(path)
    path.write_bytes(WHOLE[:-2] + b"\x67\x12")
    with pytest.raises(RawDataError, match=r"damaged \(a.mrd: unknown message id"):
        RawFile(path)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(WHOLE)))
def test_any_change_of_a_stream_is_read_or_refused_in_one_line(tmp_path_factory, changes, length):
    path, content = tmp_path_factory.mktemp("changed") / "a.mrd", bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    path.write_bytes(content[:length])
    said = "read"
    try:
        with StoredStream(path) as scan:
            assert all(item.to_bytes() for item in scan)
    except RawDataError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=6))
def test_acquisitions_of_any_size_survive_a_stream_and_a_raw_file(tmp_path_factory, shapes):
    folder = tmp_path_factory.mktemp("any")
    items = [
        raw_acquisition(number, n_samples=samples, n_coils=coils, n_trajectory=axes)
        for number, (samples, coils, axes) in enumerate(shapes)
    ]
    stored, raw_path = folder / "a.mrd", make_raw_file(folder / "a.h5", items)
    opening = bytes(text_message(MessageID.HEADER, HEADER).data)
    stored.write_bytes(opening + b"".join(as_messages(items)) + bytes(CLOSE.data))
    for path in (stored, raw_path):
        with RawFile(path) as raw:
            assert [item.to_bytes() for item in raw] == [item.to_bytes() for item in items]
