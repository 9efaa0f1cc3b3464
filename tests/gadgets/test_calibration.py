"""The node Calibration on a connection."""

import json
import struct

import numpy as np
import pytest
from helpers.builders import CLOSE, acquisition, configuration, encoding, head, header_xml, message
from helpers.connections import parse, run_on_connection, written
from helpers.fakes import point
from helpers.foreign_messages import recon_data

import gadgets.failing_open
from gadgets.calibration import calibration
from gadgets.errors import SettingsError
from gadgets.indices import Indices
from gadgets.kspace.assembly.assembler import assemble
from gadgets.records import Calibration, Detection
from gadgets.settings import RawRepairSettings, validate
from gadgets.wire import RecordCollector, cells_of, recon_data_of, waveforms_of

HEADER = header_xml([encoding()])


@pytest.fixture
def kspace():
    (acquired,) = assemble((acquisition(line).readout() for line in range(8)), [encoding()])
    return acquired


def calibrated(items, **properties):
    content = head(configuration(**properties), HEADER) + written(items) + CLOSE
    sent = parse(run_on_connection(calibration, content, hang_up=False))
    collector = RecordCollector()
    for message_id, item in sent:
        if message_id == 1026:
            collector.add(item)
    return sent, collector.take(Calibration)


def found(kspace, *places, **changes):
    points = tuple(point(kspace, *place).model_copy(update=changes) for place in places)
    return Detection(indices=kspace.indices, points=points)


def test_only_the_points_are_changed_and_their_record_goes_ahead(kspace, tmp_path):
    sent_in = recon_data_of(kspace, encoding())
    detection = found(kspace.kspace, (0, 2, 3), (0, 6, 15))
    sent, (record,) = calibrated([*waveforms_of(detection), sent_in], method="zero", report=tmp_path / "r")
    assert [message_id for message_id, _ in sent] == [1026, 1026, 1023, 4]
    assert [item.waveform_id for message_id, item in sent if message_id == 1026] == [1100, 1101]
    (cell,) = cells_of(sent[2][1], [])
    expected = kspace.kspace.data.copy()
    expected[:, 0, [2, 6], [3, 15]] = 0
    np.testing.assert_array_equal(cell.kspace.data, expected)
    assert bytes(sent[2][1].bits[0].data.headers) == bytes(sent_in.bits[0].data.headers)
    assert (record.n_repaired, len(record.points)) == (2, 2)
    assert json.loads((tmp_path / "r").read_text())["node"] == "calibration"


def test_without_points_and_with_method_none_every_byte_stays(kspace):
    sent_in = recon_data_of(kspace, encoding())
    for places, properties in (((), {"method": "zero"}), (((0, 2, 3),), {"method": "none"})):
        sent, (record,) = calibrated([*waveforms_of(found(kspace.kspace, *places)), sent_in], **properties)
        assert written([sent[2][1]]) == written([sent_in])
        assert record.n_repaired == 0


def test_recon_data_that_nobody_judged_passes(kspace):
    sent_in = recon_data_of(kspace, encoding())
    sent, records = calibrated([sent_in])
    assert [message_id for message_id, _ in sent] == [1023, 4]
    assert written([sent[0][1]]) == written([sent_in])
    assert not records


def test_every_kspace_of_a_foreign_recon_data_is_repaired_in_its_place():
    ((_, sent_in), _) = parse(recon_data(trajectory=False) + CLOSE)
    cells = cells_of(sent_in, [])
    detections = [found(cell.kspace, *([(0, 1, 2)] if number == 7 else [])) for number, cell in enumerate(cells)]
    waveforms = [item for detection in detections for item in waveforms_of(detection)]
    sent, records = calibrated([*waveforms, sent_in], method="zero")
    assert [record.n_repaired for record in records] == [int(number == 7) for number in range(12)]
    went = cells_of(next(item for message_id, item in sent if message_id == 1023), [])
    for number, (before, after) in enumerate(zip(cells, went, strict=True)):
        differs = before.kspace.data.view(np.uint64) != after.kspace.data.view(np.uint64)
        assert np.argwhere(differs).tolist() == ([[0, 0, 1, 2], [1, 0, 1, 2]] if number == 7 else [])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"line": 99}, "expected points inside a k-space of shape"),
        ({"sample": -1}, "expected points inside a k-space of shape"),
    ],
)
def test_points_that_cannot_be_repaired_leave_the_data_as_they_are(kspace, change, complaint):
    detection = found(kspace.kspace, (0, 2, 3), **change)
    sent_in = recon_data_of(kspace, encoding())
    sent, (record,) = calibrated([*waveforms_of(detection), sent_in], method="zero")
    assert written([sent[2][1]]) == written([sent_in])
    assert record.warning.startswith("passed on with 1 points unrepaired")
    assert complaint in record.warning
    sent, _ = calibrated([*waveforms_of(detection), sent_in], method="zero", on_failure="fail")
    assert sent[-2][0] == 8
    assert sent[-2][1].startswith("calibration: first k-space: expected points inside")


@pytest.mark.parametrize("on_failure", ["pass", "fail"])
def test_detections_of_another_kspace_are_not_applied(kspace, on_failure, caplog):
    detection = found(kspace.kspace, (0, 2, 3)).model_copy(update={"indices": Indices(slice=4)})
    sent_in = recon_data_of(kspace, encoding())
    sent, records = calibrated([*waveforms_of(detection), sent_in], method="zero", on_failure=on_failure)
    assert not records
    assert "expected one detection for each k-space of a ReconData" in caplog.text
    if on_failure == "pass":
        assert written([sent[1][1]]) == written([sent_in])
    else:
        assert sent[-2][0] == 8


def test_a_repair_that_breaks_is_a_warning_or_an_error(kspace, monkeypatch):
    def breaks(_kspace, points, _settings, _assignment, **_):
        if points:
            raise MemoryError

    monkeypatch.setattr(gadgets.failing_open, "repair", breaks)
    items = [*waveforms_of(found(kspace.kspace, (0, 2, 3))), recon_data_of(kspace, encoding())]
    _, (record,) = calibrated(items)
    assert record.warning == "passed on with 1 points unrepaired: MemoryError"
    sent, _ = calibrated(items, on_failure="fail")
    assert sent[-2] == (8, "calibration: first k-space: MemoryError")


def test_a_recon_data_without_bits_passes():
    empty = struct.pack("<HQ", 1023, 0)
    ((_, item), _) = parse(empty + CLOSE)
    sent, _ = calibrated([item])
    assert written([sent[0][1]]) == empty


def test_acquisitions_pass():
    sent, _ = calibrated([acquisition(3)])
    assert message(sent[0][1]) == message(acquisition(3))


def test_the_data_as_acquired_follow_where_that_is_asked_for(kspace):
    sent_in = recon_data_of(kspace, encoding())
    detection = found(kspace.kspace, (0, 2, 3))
    sent, _ = calibrated([*waveforms_of(detection), sent_in], method="zero", send_original="true")
    assert [message_id for message_id, _ in sent] == [1026, 1026, 1023, 1026, 1023, 4]
    assert [item.waveform_id for message_id, item in sent if message_id == 1026] == [1100, 1101, 1103]
    repaired, original = (item for message_id, item in sent if message_id == 1023)
    assert bytes(original.bits[0].data.data) == bytes(sent_in.bits[0].data.data)
    assert bytes(repaired.bits[0].data.data) != bytes(sent_in.bits[0].data.data)
    # Where nothing is repaired the second series has its image all the same.
    sent, _ = calibrated([sent_in], send_original="true")
    assert [message_id for message_id, _ in sent] == [1023, 1026, 1023, 4]


def test_a_chain_without_images_refuses_it():
    with pytest.raises(SettingsError, match=r"raw_repair\.calibration: .*send_original needs a chain that"):
        validate({"calibration.send_original": "true"}, RawRepairSettings, "raw_repair")
