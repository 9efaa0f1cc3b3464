"""Looking at files: what was hit is named on the page, and a scan that is known is not searched again."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.scans.inspections import CPU, ignore
from ismrmrd.hdf5 import acquisition_header_dtype

from gadgets.background import noise_of
from gadgets.errors import RawDataError
from gadgets.kspace import ACQ_IS_NOISE_MEASUREMENT
from pipelines.files import RawAcquisition, RawFile, read_kspaces, write_raw_file
from pipelines.inspection import html_page, inspect_images, inspect_raw, look_again
from pipelines.phantom import PhantomScan, write_phantom
from pipelines.replay import Replay


def test_a_burst_in_receivers_3_and_7_is_named_as_such(burst):
    (spark,) = burst.report.sparks
    assert (spark.receivers, spark.samples, spark.line) == ((7, 3), (5, 6, 7), 5)
    assert spark.receivers_repaired == tuple(range(16))
    page = html_page([burst])
    assert re.search(r"1 spark in 1 of 2 slices, can be repaired, .* in receivers 3 .*and 7 .*alone", page)
    assert re.search(r"<title>[^<]*line 5,[^<]*</title>", page)
    bars = re.findall(r'<text class="name"[^>]*>(\d+)[^<]*</text>.*?<text[^>]*>(\d+)</text>', page)
    assert [int(receiver) for receiver, count in bars if count != "0"] == [3, 7]
    # The page is mailed, and a folder may be called after a patient.
    assert "burst.h5" in page
    assert str(Path(burst.report.input).parent) not in page


def test_the_pictures_show_what_the_repair_does(burst):
    (pictures,) = burst.pictures
    clean = inspect_raw(Path(burst.report.input).with_name("clean.h5"), CPU, ignore).pictures[0]
    assert np.linalg.norm(pictures.after - clean.before) < 0.1 * np.linalg.norm(pictures.before - clean.before)
    assert pictures.kspace[5, 5] == pictures.kspace[5].max()
    assert pictures.gain > 1


@pytest.mark.parametrize("error", [RawDataError("too large"), MemoryError()])
def test_a_picture_that_cannot_be_made_costs_the_page_no_spark(burst, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("pipelines.inspection.pictures.before_and_after", fail)
    looked = inspect_raw(Path(burst.report.input), CPU, ignore)
    assert looked.report.sparks == burst.report.sparks
    assert [each.before for each in looked.pictures] == [None]
    assert "in receivers 3 " in html_page([looked])


def test_the_estimated_error_of_the_image_is_about_the_true_one(burst):
    clean_file = Path(burst.report.input).with_name("clean.h5")
    (clean, _), (hit, _) = (list(read_kspaces(file)) for file in (clean_file, burst.report.input))
    added = np.abs(hit.kspace.data - clean.kspace.data)[:, 0]
    noise = noise_of(clean.kspace, 0)
    true = np.linalg.norm(added / noise[:, None, None]) / np.sqrt(added.size)
    assert burst.report.sparks[0].error_before == pytest.approx(true, rel=0.1)
    assert burst.report.sparks[0].error_after < 0.1 * true


def test_a_clean_scan_says_so_plainly(burst):
    clean = inspect_raw(Path(burst.report.input).with_name("clean.h5"), CPU, ignore)
    page = html_page([clean])
    assert "No sparks." in page
    assert "<h2>Sparks</h2>" not in page
    (pictures,) = clean.pictures
    assert not pictures.sparks


def test_sparks_in_one_of_the_slices_that_take_turns_are_in_step_with_the_sequence(tmp_path):
    write_phantom(tmp_path / "clean.h5", PhantomScan(matrix=48, n_coils=4, n_slices=6, n_noise=0))
    with RawFile(tmp_path / "clean.h5") as raw:
        items, header = list(raw), raw.header_xml
    # Slice 4 of lines all over k-space, at samples without order.
    for line, sample in ((3, 10), (11, 80), (17, 90), (33, 7), (40, 70)):
        hit = items[6 * line + 4]
        data = hit.data.copy()
        data[:, sample] += 80 * np.median(np.abs(hit.data[:, :6]))
        items[6 * line + 4] = RawAcquisition(hit.header, hit.trajectory, data)
    write_raw_file(tmp_path / "hit.h5", header, items)
    report = inspect_raw(tmp_path / "hit.h5", CPU, ignore).report
    assert {(spark.indices.slice, spark.line) for spark in report.sparks} == {(4, n) for n in (3, 11, 17, 33, 40)}
    assert "5 of them in slice 4, always at the same moment of the TR" in report.verdict


def test_a_scan_that_is_known_is_drawn_without_a_search(burst, tmp_path, monkeypatch):
    report = Replay(Path(burst.report.input), tmp_path / "o.h5", settings=("spark_detection.provider=cpu",)).run()
    monkeypatch.setattr("pipelines.inspection.looking.open_detector", None)
    again = look_again(report, ignore)
    assert again.report is report
    np.testing.assert_array_equal(again.pictures[0].after, burst.pictures[0].after)


def test_images_are_looked_at_too(tmp_path, burst):
    Replay(Path(burst.report.input), tmp_path / "o.h5", settings=("calibration.method=none",)).run()
    seen = inspect_images(tmp_path / "o.h5", CPU, ignore)
    assert seen.report.totals.k_spaces == 2
    assert seen.report.verdict.startswith("No sparks were seen: most cannot be told from magnitude images")
    page = html_page([seen])
    assert ">not sure<" in page
    assert "<h3>image 0</h3>" in page
    assert [seen.report.place_of(kspace.indices) for kspace in seen.report.k_spaces] == ["image 0", "image 1"]


def test_raw_data_that_were_repaired_before_say_so(burst, tmp_path):
    settings = ("raw_repair.mark_user_int=3", "spark_detection.provider=cpu")
    Replay(Path(burst.report.input), tmp_path / "o.h5", pipeline="repair_raw", settings=settings).run()
    again = inspect_raw(tmp_path / "o.h5", CPU, ignore)
    assert again.report.seen_before.startswith("repaired by raw_repair of version ")
    assert "despark has seen these data before: repaired by" in html_page([again])
    assert not burst.report.seen_before
    with h5py.File(tmp_path / "o.h5", "r+") as file:
        del file["dataset"].attrs["despark"]
    marked = inspect_raw(tmp_path / "o.h5", {**CPU, "raw_repair.mark_user_int": "3"}, ignore)
    assert marked.report.seen_before == "1 readout marked as repaired in user_int[3]"


@pytest.mark.parametrize("name", ["o.h5", "o.nii.gz", "o"])
def test_images_that_were_repaired_before_say_so(burst, tmp_path, name):
    Replay(Path(burst.report.input), tmp_path / name, settings=("spark_detection.provider=cpu",)).run()
    seen = inspect_images(tmp_path / name, CPU, ignore).report.seen_before
    assert seen == "1 spark (3 samples): 3 samples repaired, 0 refused (as one of its images says)"


def test_data_that_were_left_as_they_are_do_not_say_so(burst, tmp_path):
    Replay(
        Path(burst.report.input), tmp_path / "o.h5", pipeline="repair_raw", settings=("calibration.method=none",)
    ).run()
    assert not inspect_raw(tmp_path / "o.h5", CPU, ignore).report.note


def test_a_file_without_imaging_data_is_an_error(tmp_path, burst):
    with RawFile(burst.report.input) as raw:
        items = [
            RawAcquisition(_with_flags(item.header, ACQ_IS_NOISE_MEASUREMENT), item.trajectory, item.data)
            for item in raw.acquisitions()
        ]
        write_raw_file(tmp_path / "noise.h5", raw.header_xml, items)
    with pytest.raises(RawDataError, match="holds no imaging readouts"):
        inspect_raw(tmp_path / "noise.h5", CPU, ignore)


def _with_flags(header, flags):
    fields = np.frombuffer(header, acquisition_header_dtype).copy()
    fields["flags"] = flags
    return fields.tobytes()


def test_a_series_is_judged_by_its_earlier_k_spaces_as_in_a_scan(tmp_path):
    write_phantom(tmp_path / "one.h5", PhantomScan(matrix=48, n_coils=4, n_slices=1, n_noise=0))
    with RawFile(tmp_path / "one.h5") as raw:
        items, header = list(raw), raw.header_xml
    rng = np.random.default_rng(1)
    write_raw_file(tmp_path / "series.h5", header, [_again(item, each, rng) for each in range(3) for item in items])
    alone = {**CPU, "spark_detection.series_memory": "0"}
    found = [inspect_raw(tmp_path / "series.h5", own, ignore).report.sparks for own in (CPU, alone)]
    assert [(spark.indices.repetition, spark.line, spark.samples) for spark in found[0]] == [(2, 22, (50,))]
    assert not found[1]


def _again(item, repetition, rng):
    """Give a readout of a later repetition, with other noise; the last has a spark that its own k-space hides."""
    header = np.frombuffer(item.header, acquisition_header_dtype).copy()
    header["idx"]["repetition"] = repetition
    noise = np.median(np.abs(item.data[:, :6]))
    data = item.data + 0.5 * noise * (rng.standard_normal(item.data.shape) * (1 + 1j)).astype(np.complex64)
    if repetition == 2 and header["idx"]["kspace_encode_step_1"][0] == 22:
        data[:, 50] += 100 * noise
    return RawAcquisition(header.tobytes(), item.trajectory, data)
