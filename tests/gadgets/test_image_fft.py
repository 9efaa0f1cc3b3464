"""The node ImageFFT on a connection: one image per k-space, with header and meta data."""

import json
from dataclasses import replace

import ismrmrd
import numpy as np
import pytest
from helpers.builders import CLOSE, acquisition, configuration, encoding, head, header_xml, waveform
from helpers.connections import parse, run_on_connection, written
from ismrmrd.hdf5 import image_header_dtype

import gadgets.image_fft
from gadgets.image.reconstruction import reconstruct
from gadgets.image_fft import image_fft
from gadgets.indices import Indices
from gadgets.kspace.assembly.assembler import assemble
from gadgets.records import Assembly, Calibration, Detection, Original, Point, RepairedPoint
from gadgets.wire import ReconData, Waveform, recon_data_of, waveforms_of

ENCODING = encoding(n_samples=32, recon_x=16)
HEADER = header_xml([ENCODING])


def recon_data(**fields):
    readouts = (acquisition(line, n_samples=32, **fields).readout() for line in range(8))
    (acquired,) = assemble(readouts, [ENCODING])
    return acquired, recon_data_of(acquired, ENCODING)


def sent_by(items, **properties):
    content = head(configuration(**properties), HEADER) + written(items) + CLOSE
    return parse(run_on_connection(image_fft, content, hang_up=False))


def images_of(items, **properties):
    messages = sent_by(items, **properties)
    assert [message_id for message_id, _ in messages[:-1]] == [1022] * (len(messages) - 1)
    return [unpack(item) for _, item in messages[:-1]]


def images_and_reason_of(items, **properties):
    """The images of a scan that does not get all of them, and what is told at its end."""
    *messages, reason, close = sent_by(items, **properties)
    assert [message_id for message_id, _ in messages] == [1022] * len(messages)
    assert (reason[0], close[0]) == (8, 4)
    return [unpack(item) for _, item in messages], reason[1]


def unpack(message):
    header = np.frombuffer(message.parts[0], image_header_dtype)[0]
    pixels = np.frombuffer(message.parts[3], np.float32).reshape(header["matrix_size"][::-1])
    return header, ismrmrd.Meta.deserialize(bytes(message.parts[2]).decode()), pixels


POINT = Point(
    partition=0, line=1, sample=2, receivers=(2, 0), over_noise=(30.0, 20.0), receivers_repaired=(0, 1, 2),
    probability=0.9, scan_counter=2, time_stamp=4,
)  # fmt: skip
REPAIRED = RepairedPoint(point=POINT, method="zero", magnitude_before=9.0, magnitude_after=0.0)
BESIDE = POINT.model_copy(update={"sample": 3})
REFUSED = RepairedPoint(point=BESIDE, method=None, magnitude_before=9.0, magnitude_after=9.0, refusal="no support")


def test_the_image_has_the_place_time_and_counters_of_its_readouts():
    acquired, item = recon_data(slice=2, contrast=1, phase=3, repetition=4, set=5, average=6, measurement_uid=77)
    ((header, _, pixels), (second, _, _)) = images_of([item, item])
    np.testing.assert_array_equal(pixels, reconstruct(acquired.kspace, ENCODING))
    expected = {
        "version": 1, "data_type": 5, "image_type": 1, "channels": 1, "measurement_uid": 77,
        "matrix_size": [16, 8, 1], "field_of_view": [256.0, 256.0, 5.0], "position": [1.0, 2.0, 3.0],
        "read_dir": [1, 0, 0], "phase_dir": [0, 1, 0], "slice_dir": [0, 0, 1],
        "slice": 2, "contrast": 1, "phase": 3, "repetition": 4, "set": 5, "average": 6,
        # The readout nearest to the k-space centre is line 4.
        "acquisition_time_stamp": 16, "image_index": 1, "image_series_index": 0,
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_array_equal(header[name], value, err_msg=name)
    assert second["image_index"] == 2


def test_the_meta_data_count_points_in_both_spellings(tmp_path):
    detection = Detection(indices=Indices(), patches=12, points=(POINT, BESIDE), provider="CPUExecutionProvider")
    calibration = Calibration(indices=Indices(), points=(REPAIRED, REFUSED), warning="Größe & <Form>\x00")
    _, item = recon_data()
    ((_, meta, _), (_, other, _)) = images_of(
        [*waveforms_of(detection), *waveforms_of(calibration), item, item], report=tmp_path / "r"
    )
    comment = "despark: 1 spark (2 samples): 1 sample repaired, 1 refused (Größe & <Form> )"
    assert meta["ImageComments"] == meta["GADGETRON_ImageComment"] == comment
    assert meta["ImageProcessingHistory"] == meta["GADGETRON_ImageProcessingHistory"]
    assert meta["ImageProcessingHistory"] == ["despark", "spark_detection", "calibration"]
    assert meta["DataRole"] == meta["GADGETRON_DataRole"] == "Image"
    expected = {
        "despark_points_found": "2",
        "despark_points_repaired": "1",
        "despark_points_refused": "1",
        "despark_sparks_found": "1",
        "despark_receivers_hit": "2 0",
        "despark_receivers_repaired": "0 1 2",
        "despark_target_patches": "0",
        "despark_patches": "12",
        "despark_provider": "CPUExecutionProvider",
        "despark_warnings": "Größe & <Form> ",
    }
    assert {name: meta[name] for name in expected} == expected
    (spark,) = json.loads(meta["despark_sparks"])
    assert (spark["line"], spark["receivers"], spark["methods"]) == (1, [2, 0], ["zero"])
    assert (spark["samples"], spark["refusals"]) == ([2, 3], ["no support"])
    assert other["ImageComments"] == "despark: not judged"
    lines = [json.loads(line) for line in (tmp_path / "r").read_text().splitlines()]
    assert [(line["node"], line["image"], line["matrix"]) for line in lines] == [
        ("image_fft", 1, [1, 8, 16]),
        ("image_fft", 2, [1, 8, 16]),
    ]


@pytest.mark.parametrize(
    ("detection", "comment"),
    [
        (Detection(indices=Indices(), points=(POINT,)), "despark: 1 spark (1 sample) found"),
        (Detection(indices=Indices(), patches=4), "despark: no sparks"),
        (
            Detection(indices=Indices(), warning="passed on unjudged: no device"),
            "despark: passed on unjudged: no device",
        ),
    ],
)
def test_the_comment_says_what_was_done(detection, comment):
    ((_, meta, _),) = images_of([*waveforms_of(detection), recon_data()[1]])
    assert meta["ImageComments"] == comment


def test_the_image_of_an_incomplete_kspace_says_so():
    lacking = Assembly(indices=Indices(), readouts=7, missing=1, warning="incomplete k-space: 1 of 8 are missing")
    detection = Detection(indices=Indices(), warning="unjudged in part")
    ((_, meta, _),) = images_of([*waveforms_of(lacking), *waveforms_of(detection), recon_data()[1]])
    assert meta["despark_warnings"] == "incomplete k-space: 1 of 8 are missing; unjudged in part"


def test_a_damaged_record_costs_no_image(caplog):
    (whole,) = waveforms_of(Detection(indices=Indices(), points=(POINT,)))
    damaged = Waveform(whole.header, whole.samples.replace(b"slice", b"slime"))
    ((_, meta, _), (_, second, _)) = images_of([damaged, recon_data()[1], whole, recon_data()[1]])
    assert meta["ImageComments"] == "despark: not judged"
    assert second["ImageComments"] == "despark: 1 spark (1 sample) found"
    assert "waveform 1100 holds no Detection record" in caplog.text


def test_data_that_are_no_image_end_here(caplog):
    with caplog.at_level("INFO"):
        assert images_of([acquisition(0), waveform(3)]) == []
    assert "2 acquisitions and waveforms that are no imaging data end here" in caplog.text


def test_samples_that_are_not_finite_are_taken_as_zero_and_said():
    acquired, _ = recon_data()
    acquired.kspace.data[0, 0, 3, 5] = np.nan
    ((_, meta, pixels),) = images_of([recon_data_of(acquired, ENCODING)])
    assert np.isfinite(pixels).all()
    assert meta["despark_warnings"] == "1 NaN or Inf samples were taken as zero"


def test_a_kspace_of_which_no_image_can_be_made_costs_no_other_its_own(monkeypatch, caplog, tmp_path):
    def reconstruct_some(kspace, of_encoding):
        if kspace.indices.slice == 1:
            raise MemoryError
        return reconstruct(kspace, of_encoding)

    monkeypatch.setattr(gadgets.image_fft, "reconstruct", reconstruct_some)
    items = [recon_data(slice=number)[1] for number in range(3)]
    images, reason = images_and_reason_of(items, report=tmp_path / "r")
    assert [header["slice"] for header, _, _ in images] == [0, 2]
    assert reason == "image_fft: k-spaces without an image: 1, the first (slice 1): MemoryError"
    assert "image_fft: no image could be made (slice 1)" in caplog.text
    warnings = [json.loads(line)["warning"] for line in (tmp_path / "r").read_text().splitlines()]
    assert warnings == ["", "no image: MemoryError", ""]
    assert sent_by(items, on_failure="fail")[-2] == (8, "image_fft: slice 1: MemoryError")


def test_recon_data_that_are_none_cost_no_other_image(caplog):
    good = recon_data()[1]
    bad = ReconData((replace(good.bits[0], data=replace(good.bits[0].data, header_dimensions=(8, 1, 1, 1))),))
    images, reason = images_and_reason_of([good, bad, good])
    assert len(images) == 2
    assert "without an image: 1, the first is none: expected data of 7 and headers" in reason
    assert "no image could be made: expected data of 7 and headers of 5 dimensions" in caplog.text


@pytest.mark.parametrize("place", [0, 1])
def test_the_client_is_told_of_kspaces_that_could_not_be_assembled(place):
    lost = Assembly(indices=Indices(slice=3), readouts=8, warning="not assembled: too large", is_lost=True)
    items = [recon_data()[1]]
    items[place:place] = [*waveforms_of(lost), acquisition(0, slice=3)]
    images, reason = images_and_reason_of(items)
    assert [meta["despark_warnings"] or "" for _, meta, _ in images] == [""]
    assert reason == "image_fft: k-spaces without an image: 1, the first (slice 3): not assembled: too large"


def test_an_image_says_that_its_report_could_not_be_written(tmp_path):
    ((_, meta, _),) = images_of([recon_data()[1]], report=tmp_path / "gone" / "r")
    assert "image_fft.report: cannot write" in meta["despark_warnings"]


def test_the_data_as_acquired_are_a_series_of_their_own(tmp_path):
    items = [recon_data(slice=number)[1] for number in range(2)]
    sent = [each for item in items for each in (item, *waveforms_of(Original()), item)]
    images = images_of(sent, report=tmp_path / "r")
    assert [(header["image_series_index"], header["image_index"]) for header, _, _ in images] == [
        (0, 1), (1000, 1), (0, 2), (1000, 2)
    ]  # fmt: skip
    assert [meta.get("SeriesDescription", "") for _, meta, _ in images] == ["", "as acquired"] * 2
    # The report tells of each k-space once.
    assert len((tmp_path / "r").read_text().splitlines()) == 2
