"""Looking at files: what was hit is named on the page, and a scan that is known is not searched again."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np
import pytest
from ismrmrd.hdf5 import acquisition_header_dtype
from matplotlib.axes import Axes
from matplotlib.image import imread

from gadgets.background import noise_of
from gadgets.errors import RawDataError
from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from gadgets.kspace import ACQ_IS_NOISE_MEASUREMENT
from pipelines.files import RawAcquisition, RawFile, read_kspaces, write_raw_file
from pipelines.inspection import Inspection, html_page, inspect_images, inspect_raw, look_again, write_pdf, write_png
from pipelines.inspection.vocabulary import visible
from pipelines.inspection.words import in_words
from pipelines.phantom import PhantomScan, write_phantom
from pipelines.replay import Replay

CPU = {"spark_detection.provider": "cpu"}


def ignore(_done, _total):
    """Watch nothing."""


@pytest.fixture(scope="module")
def burst_file(tmp_path_factory):
    """A scan of 16 receivers with a burst in 3 and 7, far from the centre of k-space."""
    folder = tmp_path_factory.mktemp("burst")
    write_phantom(folder / "clean.h5", PhantomScan(matrix=48, n_coils=16, n_slices=2, n_noise=0))
    with RawFile(folder / "clean.h5") as raw:
        items, header = list(raw), raw.header_xml
    hit = items[10]
    data, noise = hit.data.copy(), np.median(np.abs(hit.data[:, :6]))
    data[np.ix_([3, 7], [5, 6, 7])] += noise * np.array([[60], [90j]]) * np.array([1, 0.8, 0.6])
    items[10] = RawAcquisition(hit.header, hit.trajectory, data)
    write_raw_file(folder / "burst.h5", header, items)
    return folder / "burst.h5"


@pytest.fixture(scope="module")
def burst(burst_file):
    return inspect_raw(burst_file, CPU, ignore)


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


def test_the_estimated_error_of_the_image_is_about_the_true_one(burst):
    clean_file = Path(burst.report.input).with_name("clean.h5")
    (clean, _), (hit, _) = (list(read_kspaces(file)) for file in (clean_file, burst.report.input))
    added = np.abs(hit.kspace.data - clean.kspace.data)[:, 0]
    noise = noise_of(clean.kspace, 0)
    true = np.linalg.norm(added / noise[:, None, None]) / np.sqrt(added.size)
    assert burst.report.sparks[0].error_before == pytest.approx(true, rel=0.1)
    assert burst.report.sparks[0].error_after < 0.1 * true


def test_the_page_is_one_file_that_asks_for_nothing_and_is_well_formed(burst):
    page = html_page([burst])
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "@import" not in page
    assert "url(" not in page
    open_tags = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, _attrs):
            if tag not in ("meta", "img", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_startendtag(self, _tag, _attrs):
            pass

    Tags(convert_charrefs=True).feed(page)
    assert open_tags == []


def test_what_stands_in_a_header_is_no_html(burst):
    report = burst.report.model_copy(update={"scan": ScanFacts(protocol="<script>x</script>", coils=("<b>",) * 16)})
    page = html_page([Inspection(report, ())])
    assert "<script>" not in page
    assert "<b>" not in page


def test_what_is_seen_in_the_images_is_told_at_the_top(burst):
    """A reader asks first whether the picture can be trusted."""
    note = in_words(burst.report).note
    assert re.fullmatch(
        r"In the images as recorded the sparks are (faint|obvious): \S+ times the noise\. A repair leaves \S+ times "
        r"the noise, as estimated: too weak to be seen\.",
        note,
    ), note
    repaired = burst.report.model_copy(update={"pipeline": "repair_raw"})
    assert "The repair has left " in in_words(repaired).note
    left = tuple(
        kspace.model_copy(
            update={"sparks": tuple(s.model_copy(update={"error_after": s.error_before}) for s in kspace.sparks)}
        )
        for kspace in burst.report.k_spaces
    )
    assert in_words(repaired.model_copy(update={"k_spaces": left})).note.endswith(" They are left as they are.")
    said = ["too weak to be seen", "hardly to be seen", "faint", "obvious"]
    assert [visible(error) for error in (0.05, 0.2, 0.5, 2)] == said


def test_paper_has_room_for_the_strongest_sparks(burst):
    kspace, spark = burst.report.k_spaces[0], burst.report.sparks[0]
    many = [spark.model_copy(update={"line": line, "rnr": (line / 10,)}) for line in range(1, 30)]
    report = burst.report.model_copy(update={"k_spaces": (kspace.model_copy(update={"sparks": tuple(many)}),)})
    page = html_page([Inspection(report, burst.pictures * 4)])
    shown = re.findall(r"<tr><td>slice 0</td><td>(\d+)</td>", page)
    assert [int(line) for line in shown] == list(range(22, 30))
    assert page.count('<tr class="more"><td>slice 0</td>') == 21
    assert page.count('class="row more"') == 2


def test_a_spark_that_nobody_sees_does_not_look_tall(burst):
    kspace, spark = burst.report.k_spaces[0], burst.report.sparks[0]
    weak = spark.model_copy(update={"rnr": (0.02,), "receivers": (3,), "seconds": 1.0})
    report = burst.report.model_copy(
        update={"k_spaces": (kspace.model_copy(update={"sparks": (weak,)}),), "moments": (0, 400)}
    )
    page = html_page([Inspection(report, ())])
    assert ">sparks, too weak to be seen<" in page
    # The height at which a ripple is obvious is in the picture, and the last label ends inside of it.
    assert page.count("stroke-dasharray") == 1
    assert re.search(r'text-anchor="end">1 s</text>', page)


def test_a_clean_scan_says_so_plainly(burst):
    clean = inspect_raw(Path(burst.report.input).with_name("clean.h5"), CPU, ignore)
    page = html_page([clean])
    assert "No sparks." in page
    assert "<h2>Sparks</h2>" not in page
    (pictures,) = clean.pictures
    assert not pictures.sparks


def test_several_files_have_a_table_first(burst):
    clean = inspect_raw(Path(burst.report.input).with_name("clean.h5"), CPU, ignore)
    page = html_page([burst, clean])
    assert "Sparks in 1 of 2 files" in page
    assert page.index('href="#scan1"') < page.index('id="scan0"') < page.index('id="scan1"')


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


def test_paper_shows_the_same(burst, tmp_path):
    write_pdf(tmp_path / "page.pdf", [burst])
    write_png(tmp_path / "page.png", [burst])
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page ") == 2
    picture = imread(tmp_path / "page.png")
    assert picture.shape[0] > 2 * picture.shape[1]
    assert picture.std() > 0.05


def test_ctrl_c_in_the_middle_of_a_document_leaves_none_and_is_told_as_such(burst, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("matplotlib.backends.backend_pdf.PdfFile.writeObject", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_pdf(tmp_path / "page.pdf", [burst])
    assert not list(tmp_path.iterdir())


def moved(inspection, **changes):
    """Give an inspection of the same spark elsewhere: at another place, or in other samples and receivers."""
    kspace, spark, pictures = inspection.report.k_spaces[0], inspection.report.sparks[0], inspection.pictures[0]
    elsewhere = spark.model_copy(update=changes)
    kspaces = (kspace.model_copy(update={"indices": elsewhere.indices, "sparks": (elsewhere,)}),)
    report = inspection.report.model_copy(update={"k_spaces": kspaces})
    return Inspection(report, (dataclasses.replace(pictures, indices=elsewhere.indices),))


def test_a_place_is_named_the_same_in_the_table_and_at_its_pictures(burst):
    page = html_page([moved(burst, indices=Indices(contrast=7))])
    assert "<h3>slice 0, contrast 7</h3>" in page
    assert "<td>slice 0, contrast 7</td>" in page


def test_a_line_of_a_partition_is_explained(burst):
    page = html_page([moved(burst, partition=7)])
    assert "<td>7 / 5</td>" in page
    assert "12 / 40: line 40 of partition 12" in page
    assert "partition" not in html_page([burst])


def test_a_moment_late_in_the_scan_is_told_in_full(burst):
    late = moved(burst, seconds=None, time_stamp=burst.report.moments[0] + 12345)
    assert "<title>tick 12345, line 5," in html_page([late])


def test_no_cell_of_the_table_on_paper_runs_into_the_next(burst, tmp_path, monkeypatch):
    tables, table = [], Axes.table
    monkeypatch.setattr(Axes, "table", lambda *args, **named: tables.append(table(*args, **named)) or tables[-1])
    where = Indices(encoding=1, slice=12, contrast=11, phase=20, repetition=123, set=1)
    receivers = (10, 11, 12, 13)
    write_png(tmp_path / "page.png", [moved(burst, indices=where, samples=(1, 3, 5, 7, 9, 11), receivers=receivers)])
    for cell in tables[0].get_celld().values():
        text = cell.get_text()
        assert text.get_window_extent().x1 <= cell.get_window_extent().x1, text.get_text()
    assert tables[0][1, 0].get_text().get_text().startswith("slice 12, ")


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
