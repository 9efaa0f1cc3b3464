"""The drop-in: the same acquisitions out, in order, only repaired samples changed."""

import json
import logging

import numpy as np
import pytest
from helpers.builders import (
    acquisition,
    configuration,
    encoding,
    header_xml,
    raw_file_items,
    stream,
    waveform,
)
from helpers.connections import parse, run_on_connection
from helpers.fakes import Breaks, FindsGiven, FindsLarge
from hypothesis import given, settings
from hypothesis import strategies as st

import gadgets.kspace.assembly.missing_readouts
from gadgets.drop_in import RawRepairer
from gadgets.drop_in.assemblers import in_order_of_acquisition
from gadgets.errors import NodeError
from gadgets.kspace.readout import (
    ACQ_IS_NAVIGATION_DATA,
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_IS_PHASECORR_DATA,
    ACQ_IS_REVERSE,
    ACQ_LAST_IN_SLICE,
    is_imaging,
)
from gadgets.raw_repair import raw_repair
from gadgets.settings.definitions import RawRepairSettings
from gadgets.wire import Acquisition, Waveform, encodings_of
from gadgets.wire.acquisitions import ACQUISITION_HEADER
from gadgets.wire.header import xsd_header

ZERO = RawRepairSettings.model_validate({"calibration": {"method": "zero"}})
FAIL = RawRepairSettings.model_validate({"spark_detection": {"on_failure": "fail"}})


ONE_ENCODING = (encoding(),)


def repaired(items, detector, encodings=ONE_ENCODING, settings=ZERO):
    return list(RawRepairer(settings, tuple(encodings), detector).repair(items))


def assert_only_samples_differ(came, went):
    """Return the places (item, coil, sample) that differ; all else has to be the same."""
    assert len(came) == len(went)
    places = []
    for number, (before, after) in enumerate(zip(came, went, strict=True)):
        assert type(before) is type(after)
        assert bytes(before.header) == bytes(after.header)
        if isinstance(before, Acquisition):
            assert bytes(before.trajectory) == bytes(after.trajectory)
            bits = [item.data.view(np.uint64) for item in (before, after)]
            places += [(number, *map(int, place)) for place in np.argwhere(bits[0] != bits[1])]
        else:
            assert bytes(before.samples) == bytes(after.samples)
    return places


@pytest.fixture
def scan():
    """A noise prescan, waveforms, a navigator and two interleaved slices, the second with a reversed line."""
    items = [acquisition(0, flags=ACQ_IS_NOISE_MEASUREMENT, n_coils=4, n_samples=32), waveform(0)]
    for line in range(8):
        items.append(acquisition(line, slice=0, scan_counter=2 * line))
        items.append(waveform(1, scan_counter=2 * line))
        items.append(acquisition(line, flags=ACQ_IS_NAVIGATION_DATA))
        reverse = ACQ_IS_REVERSE if line == 3 else 0
        items.append(acquisition(line, slice=1, seed=1, flags=reverse, scan_counter=2 * line + 1))
    return [*items, waveform(2)]


def test_nothing_found_leaves_every_item_as_it_came(scan):
    went = repaired(scan, FindsGiven())
    assert all(before is after for before, after in zip(scan, went, strict=True))


def test_points_are_repaired_in_the_acquisitions_they_came_in(scan):
    places = assert_only_samples_differ(scan, repaired(scan, FindsGiven((0, 3, 5))))
    hit = [index for index, item in enumerate(scan) if isinstance(item, Acquisition)
           and item.fields.kspace_encode_step_1 == 3 and not item.fields.flags & ACQ_IS_NAVIGATION_DATA]  # fmt: skip
    assert places == [(index, coil, 5) for index in hit for coil in range(2)]


@pytest.mark.parametrize("field", [0, 3, 7])
def test_changed_acquisitions_can_be_marked_and_all_others_stay_as_they_came(scan, field):
    options = {"mark_user_int": field, "calibration": {"method": "zero"}}
    went = repaired(scan, FindsGiven((0, 3, 5), (0, 3, 6)), settings=RawRepairSettings.model_validate(options))
    marked = [number for number, pair in enumerate(zip(scan, went, strict=True)) if pair[0] is not pair[1]]
    assert len(marked) == 2
    for number in marked:
        before, after = (np.frombuffer(each[number].header, ACQUISITION_HEADER)[0] for each in (scan, went))
        assert after["user_int"][field] == 2
        same = before.copy()
        same["user_int"][field] = 2
        assert same.tobytes() == after.tobytes()


def test_points_of_a_partial_echo_come_back_at_their_own_sample():
    whole = acquisition(0, n_samples=16, center_sample=8)
    partial = acquisition(1, n_samples=12, center_sample=4)
    places = assert_only_samples_differ(
        [whole, partial], repaired([whole, partial], FindsGiven((0, 1, 6)), [encoding(n_lines=2)])
    )
    assert places == [(1, 0, 2), (1, 1, 2)]


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_any_order_comes_back_in_order(data):
    kinds = st.tuples(st.integers(0, 7), st.integers(0, 2), st.sampled_from(["image", "image", "wave", "noise"]))
    items = []
    for line, number, kind in data.draw(st.lists(kinds, max_size=40)):
        flags = ACQ_IS_NOISE_MEASUREMENT if kind == "noise" else 0
        flags |= data.draw(st.sampled_from([0, 0, 0, ACQ_LAST_IN_SLICE]))
        items.append(waveform(line) if kind == "wave" else acquisition(line, slice=number, flags=flags))
    went = repaired(items, FindsGiven((0, 2, 3)))
    places = assert_only_samples_differ(items, went)
    assert all(items[index].fields.kspace_encode_step_1 == 2 and sample == 3 for index, _, sample in places)


def test_a_noise_prescan_comes_back_whole():
    items = [acquisition(0, flags=ACQ_IS_NOISE_MEASUREMENT), waveform(0), acquisition(1, flags=ACQ_IS_PHASECORR_DATA)]
    detector = FindsGiven((0, 0, 0))
    assert all(before is after for before, after in zip(items, repaired(items, detector), strict=True))
    assert not detector.seen


def test_the_queue_holds_no_more_than_the_open_kspaces():
    held = []
    repairer = RawRepairer(ZERO, (encoding(),), FindsGiven())

    def watched():
        for repetition in range(50):
            for line in range(8):
                yield acquisition(line, repetition=repetition)
                yield waveform(0)
                held.append(repairer.n_held)

    assert sum(1 for _ in repairer.repair(watched())) == 800
    assert max(held) <= 16


@pytest.mark.parametrize("sampling", ["trajectory", "header"])
def test_readouts_without_a_place_are_judged_in_the_order_of_acquisition(sampling):
    encodings = [encoding(n_lines=4, trajectory="radial" if sampling == "header" else "cartesian")]
    n_trajectory = 2 if sampling == "trajectory" else 0
    items = [acquisition(7 * n % 100, n_trajectory=n_trajectory, scan_counter=n) for n in range(10)]
    detector = FindsGiven((0, 1, 9))
    places = assert_only_samples_differ(items, repaired(items, detector, encodings))
    assert [kspace.scan_counter.tolist() for kspace in detector.seen] == [
        [[0, 1, 2, 3]],
        [[4, 5, 6, 7]],
        [[8, 9, 0, 0]],
    ]
    assert sorted({index for index, _, _ in places}) == [1, 5, 9]


def test_blocks_are_of_bounded_size():
    assert in_order_of_acquisition(encoding(n_lines=65536)).lines.count == 512


def test_a_readout_that_fits_nowhere_is_passed_on_and_counted(caplog):
    odd = [acquisition(1, n_coils=3), acquisition(2, encoding=4), acquisition(99)]
    items = [acquisition(0), *odd, *(acquisition(line) for line in range(3, 8))]
    detector = FindsGiven()
    assert repaired(items, detector) == items
    assert [kspace.n_coils for kspace in detector.seen] == [2]
    assert "3 readouts were passed on unjudged" in caplog.text
    assert "expected an encoding below 1 (those of the header), found 4" in caplog.text


def test_echoes_of_which_no_counter_tells_are_judged_each_as_a_kspace():
    items = [acquisition(line, seed=echo, scan_counter=3 * line + echo) for line in range(8) for echo in range(3)]
    detector = FindsGiven((0, 2, 5))
    places = assert_only_samples_differ(items, repaired(items, detector))
    assert [kspace.scan_counter[0].tolist() for kspace in detector.seen] == [list(range(n, 24, 3)) for n in range(3)]
    assert sorted({number for number, _, _ in places}) == [6, 7, 8]


def test_stray_readouts_pass_unjudged_and_hold_nothing_up(caplog):
    repairer = RawRepairer(ZERO, ONE_ENCODING, FindsGiven())
    odd = acquisition(0, n_coils=1)
    went = repairer.repair([*(acquisition(line) for line in range(4)), odd, *map(acquisition, range(4, 8)), odd])
    assert [next(went).fields.active_channels for _ in range(9)] == [2] * 4 + [1] + [2] * 4
    assert repairer.n_held == 0
    assert next(went) is odd
    assert list(went) == []
    assert "2 readouts were passed on unjudged" in caplog.text


def test_a_readout_that_fits_nowhere_can_be_an_error():
    received = run_on_connection(
        raw_repair,
        stream(
            [acquisition(0), acquisition(1, encoding=4)],
            header_xml([encoding()]),
            configuration(**{"spark_detection.method": "none", "spark_detection.on_failure": "fail"}),
        ),
    )
    (message_id, text), end = parse(received)[-2:]
    assert (message_id, end) == (8, (4, None))
    assert "expected an encoding below 1" in text


def test_a_detector_that_breaks_loses_no_scan(scan, caplog):
    assert repaired(scan, Breaks()) == scan
    assert "passed on unjudged" in caplog.text


def test_a_detector_that_breaks_can_be_an_error(scan):
    with pytest.raises(Exception, match="spark_detection: first k-space: the device is gone"):
        repaired(scan, Breaks(), settings=FAIL)


def test_nan_samples_pass_and_are_counted(caplog):
    items = [acquisition(line) for line in range(8)]
    samples = items[3].data.copy()
    samples[1, 4:6] = np.nan, np.inf
    items[3] = items[3].with_data(samples)
    with caplog.at_level(logging.WARNING):
        places = assert_only_samples_differ(items, repaired(items, FindsGiven((0, 3, 4), (0, 3, 7))))
    assert places == [(3, 0, 7), (3, 1, 7)]
    assert "2 NaN or Inf samples were passed on unjudged" in caplog.text


def test_the_report_has_a_line_per_stage_and_kspace(tmp_path, scan):
    path = tmp_path / "report.json"
    own = tmp_path / "calibration.json"
    options = {"report": path, "calibration": {"method": "zero", "report": own}}
    repaired(scan, FindsGiven((0, 3, 5)), settings=RawRepairSettings.model_validate(options))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["node"] for line in lines] == ["acquisition_buffer", "spark_detection"] * 2
    assert [line["indices"]["slice"] for line in lines] == [0, 0, 1, 1]
    assert lines[1]["points"][0]["line"] == 3
    assert [json.loads(line)["node"] for line in own.read_text().splitlines()] == ["calibration"] * 2


def test_an_incomplete_scan_comes_back_whole_with_a_warning(caplog):
    items = [acquisition(line) for line in range(5)]
    assert repaired(items, FindsGiven()) == items
    assert "3 of 8 expected readouts are missing" in caplog.text


def test_real_files_come_back_with_only_the_points_changed(each_raw_file):
    xml, items = raw_file_items(each_raw_file)
    encodings = encodings_of(xsd_header(xml))
    peak = max(float(np.abs(item.data).max()) for item in items if is_imaging(item.fields.flags))
    went = repaired(items, FindsLarge(0.999 * peak), encodings)
    places = assert_only_samples_differ(items, went)
    assert places
    assert all(np.abs(items[index].data[:, sample]).max() > 0.99 * peak for index, _, sample in places)


def test_waveforms_keep_their_places_on_a_connection(scan):
    config = configuration(**{"spark_detection.method": "none"})
    received = run_on_connection(raw_repair, stream(scan, header_xml([encoding()]), config), hang_up=False)
    went = [item for _, item in parse(received)[:-1]]
    assert assert_only_samples_differ(scan, went) == []
    assert [isinstance(item, Waveform) for item in went] == [isinstance(item, Waveform) for item in scan]


def test_a_kspace_for_which_there_is_no_memory_goes_on_as_it_came(monkeypatch, caplog, tmp_path, scan):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(gadgets.kspace.assembly.missing_readouts, "to_kspace", no_memory)
    options = {"report": tmp_path / "r", "calibration": {"method": "zero"}}
    assert repaired(scan, FindsGiven((0, 3, 5)), settings=RawRepairSettings.model_validate(options)) == scan
    assert "raw_repair failed (slice 1); passed on unjudged" in caplog.text
    assert "passed on unjudged: MemoryError" in (tmp_path / "r").read_text()
    strict = RawRepairSettings.model_validate({"acquisition_buffer": {"on_failure": "fail"}})
    with pytest.raises(NodeError, match="raw_repair: first k-space: MemoryError"):
        repaired(scan, FindsGiven(), settings=strict)


@pytest.mark.parametrize("behind", ["readouts", "waveforms", "navigators"])
def test_what_waits_for_kspaces_that_never_complete_is_bounded(behind, caplog):
    few = RawRepairSettings.model_validate({"acquisition_buffer": {"held_limit": 1}})
    made = {
        "readouts": lambda number: acquisition(0, slice=number, n_samples=512),
        "waveforms": lambda _: waveform(0, n_samples=1024),
        "navigators": lambda _: acquisition(0, flags=ACQ_IS_NAVIGATION_DATA, n_samples=512),
    }[behind]
    items = [acquisition(0, n_samples=512), *(made(number + 1) for number in range(400))]
    repairer, held = RawRepairer(few, (encoding(n_samples=512),), FindsGiven()), []

    def watched():
        for item in items:
            yield item
            held.append(repairer.n_held)

    assert list(repairer.repair(watched())) == items
    assert max(held) < 150
    assert "goes on incomplete, 1 MB wait for k-spaces" in caplog.text


def test_a_network_that_is_missing_leaves_points_and_says_so(tmp_path, scan, caplog):
    options = {"report": tmp_path / "r", "calibration": {"method": "network", "models": tmp_path / "gone"}}
    assert repaired(scan, FindsGiven((0, 3, 5)), settings=RawRepairSettings.model_validate(options)) == scan
    records = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    warnings = [record["warning"] for record in records if record["node"] == "calibration"]
    assert len(warnings) == 2
    assert all("expected a manifest of models" in warning for warning in warnings)
    assert "calibration: cannot be opened, the scan goes on as acquired" in caplog.text


def test_a_stream_that_breaks_off_comes_back_before_the_reason(scan):
    config = configuration(**{"spark_detection.method": "none"})
    incoming = stream(scan[:17], header_xml([encoding()]), config, close=b"")
    messages = parse(run_on_connection(raw_repair, incoming))
    assert assert_only_samples_differ(scan[:17], [item for _, item in messages[:-2]]) == []
    assert messages[-2][0] == 8
