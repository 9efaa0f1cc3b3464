"""What is wrong with a scan, a model or a machine costs no data: they go on as they came, and it is said."""

import json
import logging

import numpy as np
import pytest
from helpers.builders import (
    acquisition,
    configuration,
    encoding,
    header_xml,
    stream,
    waveform,
)
from helpers.connections import parse, run_on_connection
from helpers.fakes import Breaks, FindsGiven
from helpers.scans.drop_in import FAIL, ONE_ENCODING, ZERO, assert_only_samples_differ, repaired

import gadgets.kspace.assembly.missing_readouts
from gadgets.drop_in import RawRepairer
from gadgets.errors import NodeError
from gadgets.kspace.readout import (
    ACQ_IS_NAVIGATION_DATA,
)
from gadgets.raw_repair import raw_repair
from gadgets.settings.definitions import RawRepairSettings


def test_a_readout_that_fits_nowhere_is_passed_on_and_counted(caplog):
    odd = [acquisition(1, n_coils=3), acquisition(2, encoding=4), acquisition(99)]
    items = [acquisition(0), *odd, *(acquisition(line) for line in range(3, 8))]
    detector = FindsGiven()
    assert repaired(items, detector) == items
    assert [kspace.n_coils for kspace in detector.seen] == [2]
    assert "3 readouts were passed on unjudged" in caplog.text
    assert "expected an encoding below 1 (those of the header), found 4" in caplog.text


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


def test_an_incomplete_scan_comes_back_whole_with_a_warning(caplog):
    items = [acquisition(line) for line in range(5)]
    assert repaired(items, FindsGiven()) == items
    assert "3 of 8 expected readouts are missing" in caplog.text


def test_a_kspace_for_which_there_is_no_memory_goes_on_as_it_came(monkeypatch, caplog, tmp_path, scan):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(gadgets.kspace.assembly.missing_readouts, "to_kspace", no_memory)
    options = RawRepairSettings.model_validate({"report": tmp_path / "r", "calibration": {"method": "zero"}})
    judged = []
    repairer = RawRepairer(options, ONE_ENCODING, FindsGiven((0, 3, 5)), judged.append)
    assert list(repairer.repair(scan)) == scan
    # The logbook and the client count it among those that were not judged.
    assert [each.detection.warning for each in judged] == ["passed on unjudged: MemoryError"] * 2
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
