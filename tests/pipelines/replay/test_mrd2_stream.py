"""MRD version 2 through a chain: only samples change, and everything keeps its place."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers.connections import filter_through
from helpers.fakes import FindsGiven

from gadgets.errors import DesparkError, PeerLostError, PipelineError, RawDataError, WireError
from gadgets.process.warm_store import WarmStore
from pipelines.chains.packaged import packaged_chain
from pipelines.replay.stream import run_stream

mrd = pytest.importorskip("mrd", reason="needs the package mrd-python")

from helpers.mrd2_scans import (  # noqa: E402 - it needs the package, too
    N_LINES,
    N_SAMPLES,
    from_bytes,
    make_header,
    scan,
    to_bytes,
)

from pipelines.replay import mrd2_stream  # noqa: E402
from pipelines.replay.mrd2_stream import open_mrd2  # noqa: E402


def filtered(content, method="none", **pipes):
    chain = packaged_chain("repair_raw").with_settings([f"spark_detection.method={method}"])
    return filter_through(
        content, lambda source, sink: run_stream(open_mrd2(source, sink, chain), chain, WarmStore()), **pipes
    )


def test_what_is_clean_comes_back_as_it_was():
    written, failure = filtered(to_bytes(scan()))
    assert failure is None
    header, items = from_bytes(written)
    assert header == make_header(N_LINES, N_SAMPLES)
    assert items == scan()


def test_pipes_whose_waiting_is_switched_off_are_waited_for():
    written, failure = filtered(to_bytes(scan()), is_waiting=False)
    assert failure is None
    assert from_bytes(written)[1] == scan()


def test_only_the_samples_of_a_spark_change(monkeypatch):
    monkeypatch.setattr("gadgets.raw_repair.detector_for", lambda _: FindsGiven((0, 9, 20)))
    before = scan()
    number = next(
        i for i, item in enumerate(before) if getattr(getattr(item.value, "head", None), "scan_counter", 0) == 10
    )
    before[number].value.data[:, 20] += 100
    written, failure = filtered(to_bytes(before))
    assert failure is None
    _, after = from_bytes(written)
    changed = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert changed == [number]
    assert after[number].value.head == before[number].value.head
    different = np.argwhere(after[number].value.data != before[number].value.data)
    assert set(different[:, 1]) == {20}
    assert np.abs(after[number].value.data[:, 20]).max() < 50


def test_a_stream_without_data_is_whole():
    written, failure = filtered(to_bytes([]))
    assert failure is None
    assert from_bytes(written)[1] == []


WHOLE = to_bytes(scan())


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b"", WireError, "not a stream of MRD version 2"),
        (b"hello, this is no such stream", WireError, "not a stream of MRD version 2"),
        (WHOLE[: len(WHOLE) // 2], PeerLostError, "it ends in the middle of an item"),
        (WHOLE[:-1], PeerLostError, "the input stream: broken after 32 acquisitions"),
    ],
)
def test_a_broken_stream_is_an_error_and_its_output_is_not_whole(content, error, reason):
    written, failure = filtered(content)
    with pytest.raises(error, match=reason):
        raise failure
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the package raises
        from_bytes(written)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.55, 0.7, 0.9, 0.99])
def test_cut_anywhere_it_says_so_in_words_of_ours(share):
    with pytest.raises(DesparkError) as refused:
        raise filtered(WHOLE[: int(share * len(WHOLE))])[1]
    assert len(str(refused.value).splitlines()) == 1
    assert "export" not in str(refused.value)


def test_a_stream_without_a_header_is_refused():
    stream = io.BytesIO()
    with mrd.BinaryMrdWriter(stream) as writer:
        writer.write_header(None)
        writer.write_data([])
    with pytest.raises(RawDataError, match="expected an MRD header, found none"):
        raise filtered(stream.getvalue())[1]


def test_a_chain_that_makes_images_is_refused():
    with pytest.raises(PipelineError, match="spark_calibration: expected a chain that returns acquisitions"):
        open_mrd2(0, 1, packaged_chain("spark_calibration"))


def test_a_length_beyond_what_a_scan_may_take_is_not_believed(monkeypatch):
    # Less than one of its acquisitions, in gigabytes.
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", str(1000 / 2**30))
    _, failure = filtered(to_bytes(scan()))
    assert isinstance(failure, WireError)
    assert "expected at most 1000 bytes at once, found 2048 declared" in str(failure)


def test_lengths_whose_product_overflows_are_not_believed():
    reads = []
    with pytest.raises(ValueError, match="found -8 declared"):
        mrd2_stream._bounded(reads.append, -8)
    assert reads == []
