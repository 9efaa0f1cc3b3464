"""Records that travel in waveforms."""

import numpy as np
import pytest
from helpers.builders import waveform
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from gadgets.records import Assembly, Calibration, Detection, Point, Record, RepairedPoint
from gadgets.wire import RecordCollector, waveforms_of
from gadgets.wire.waveforms import Waveform


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


def test_a_receiver_below_the_first_is_none():
    point = a_detection(1).points[0].model_copy(update={"receivers": (-1,)})
    (item,) = waveforms_of(a_detection(1).model_copy(update={"points": (point,)}))
    with pytest.raises(RawDataError, match="waveform 1100 holds no Detection record"):
        RecordCollector().add(item)


def test_records_that_nobody_asks_for_are_not_kept():
    collector = RecordCollector(Assembly)
    for record in (a_detection(1), Calibration(indices=Indices()), Assembly(indices=Indices(), readouts=1)):
        for item in waveforms_of(record):
            assert collector.add(item) is isinstance(record, Assembly)
    assert [type(record) for record in collector.take(Record)] == [Assembly]


@pytest.mark.parametrize("is_whole", [True, False])
def test_records_without_a_recon_data_are_kept_up_to_a_limit(is_whole):
    items = waveforms_of(a_detection(2000))
    n_bytes = sum(len(item.samples) for item in items)
    collector = RecordCollector(most=3 * n_bytes)
    for _ in range(2):
        for item in items if is_whole else items[:-1]:
            collector.add(item)
    with pytest.raises(RawDataError, match="records of at most"):
        list(map(collector.add, 2 * items))
    assert len(collector.take(Detection)) < 2
    # Those of the next ones are taken as before, however many come in all.
    for _ in range(10):
        for item in items:
            collector.add(item)
        assert len(collector.take(Detection)) == 1
