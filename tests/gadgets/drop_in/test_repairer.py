"""The drop-in: the same acquisitions out, in order, only repaired samples changed."""

import json

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
from helpers.fakes import FindsGiven, FindsLarge
from helpers.scans.drop_in import ZERO, assert_only_samples_differ, repaired
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.drop_in import RawRepairer
from gadgets.drop_in.assemblers import in_order_of_acquisition
from gadgets.kspace.readout import (
    ACQ_IS_NAVIGATION_DATA,
    ACQ_IS_NOISE_MEASUREMENT,
    ACQ_IS_PHASECORR_DATA,
    ACQ_LAST_IN_SLICE,
    is_imaging,
)
from gadgets.raw_repair import raw_repair
from gadgets.settings.definitions import RawRepairSettings
from gadgets.wire import Acquisition, Waveform, encodings_of
from gadgets.wire.acquisitions import ACQUISITION_HEADER
from gadgets.wire.header import xsd_header


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


def test_echoes_of_which_no_counter_tells_are_judged_each_as_a_kspace():
    items = [acquisition(line, seed=echo, scan_counter=3 * line + echo) for line in range(8) for echo in range(3)]
    detector = FindsGiven((0, 2, 5))
    places = assert_only_samples_differ(items, repaired(items, detector))
    assert [kspace.scan_counter[0].tolist() for kspace in detector.seen] == [list(range(n, 24, 3)) for n in range(3)]
    assert sorted({number for number, _, _ in places}) == [6, 7, 8]


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
