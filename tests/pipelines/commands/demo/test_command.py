import io
from contextlib import suppress

import numpy as np
import pytest
from rich.console import Console

from gadgets.errors import RawDataError
from gadgets.indices import Indices
from pipelines.benchmark.score import ScoredEvent
from pipelines.commands.demo.command import error_table, repaired_places, run_demo
from pipelines.commands.demo.files import DemoFiles, made_folder
from pipelines.commands.demo.pictures import MarkedSpark, SlicePictures, save_pictures
from pipelines.commands.terminal.comparison import found_table, harm_table
from pipelines.phantom.compare_truth import Comparison
from pipelines.phantom.draw_sparks import SparkPlan
from pipelines.phantom.phantom_scan import PhantomScan
from pipelines.replay.scan_report import KSpaceReport, PointReport, ScanReport, Totals

PNG = b"\x89PNG"


def text_of(table):
    console = Console(width=100, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_whole_demo_without_models(tmp_path):
    files = DemoFiles(tmp_path)
    scan, plan = PhantomScan(matrix=32, n_coils=3, n_slices=2), SparkPlan(seed=1, rnr_min=1, rnr_max=2)
    result = run_demo(files, scan, plan, ["spark_detection.method=none"])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"clean.h5", "sparked.h5", "truth.json", "images.h5", "report.json", "slice_0.png", "slice_1.png"}
    assert not any(result.comparison.found)
    # As the table of sparks, the report and the data count them.
    assert [pictures.title for pictures in result.slices] == ["despark demo, slice 0", "despark demo, slice 1"]
    assert [row.split()[1] for row in text_of(error_table(result.slices)).splitlines()[-3:-1]] == ["0", "1"]
    for number, pictures in enumerate(result.slices):
        assert files.picture(number).read_bytes()[:4] == PNG
        assert pictures.after.shape == pictures.clean.shape == (32, 32)
        # Nothing was repaired: what the chain made is the image with sparks, in the same units.
        np.testing.assert_allclose(pictures.after, pictures.before, rtol=1e-4, atol=1e-3)
        assert pictures.error_before > 0


def report_with(*points):
    kspace = KSpaceReport(indices=Indices(slice=2), points=points)
    return ScanReport(
        despark="0", input="", group="", output="", pipeline="", settings={}, returned={}, seconds=0.0,
        totals=Totals(), k_spaces=(kspace,),
    )  # fmt: skip


def test_only_repaired_points_count():
    common = {"scan_counter": 1, "time_stamp": 4, "partition": 0, "line": 3, "receivers": (1,), "probability": 1.0}
    common["receivers_repaired"] = (1,)
    points = PointReport(sample=5, method="interpolation", **common), PointReport(sample=6, refusal="why", **common)
    (place,) = repaired_places(report_with(*points))
    assert (place.indices, place.place, place.receivers) == (Indices(slice=2), (0, 3, 5), (1,))


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    clean = rng.random((16, 16))
    sparks = (MarkedSpark(3, 4, 0.5, 0.4, found=True), MarkedSpark(8, 9, 1.0, 0.02, found=False))
    return SlicePictures("slice", clean, clean + 0.3, clean + 0.03, rng.random((16, 32)), sparks)


def test_pictures_are_drawn(pictures, tmp_path):
    save_pictures(tmp_path / "a.png", pictures)
    assert (tmp_path / "a.png").read_bytes()[:4] == PNG


def test_pictures_of_a_slice_without_sparks_are_drawn(pictures, tmp_path):
    same = SlicePictures("slice", pictures.clean, pictures.clean, pictures.clean, pictures.kspace, ())
    save_pictures(tmp_path / "a.png", same)
    assert (tmp_path / "a.png").is_file()


def test_errors_are_norms(pictures):
    assert pictures.error_before == pytest.approx(0.3 * 16)
    assert pictures.error_after == pytest.approx(0.03 * 16)
    share = 100 * pictures.error_before / np.linalg.norm(pictures.clean)
    assert f"{share:.2f}" in text_of(error_table([pictures]))


def test_found_table_counts():
    events = (ScoredEvent(0.5, 0.3, 8, 8, found=True), ScoredEvent(0.5, 0.1, 8, 1, found=False))
    text = text_of(found_table(Comparison(found=(True, False), n_beside=7, events=events)))
    assert "50.0 % (1/2)" in text
    assert "Harm" not in text


def test_harm_has_a_title_of_its_own():
    text = text_of(harm_table(Comparison(found=(True,), n_beside=7, events=())))
    assert "Harm" in text
    assert "samples changed beside sparks" in text
    assert "7" in text


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RawDataError, match="file/folder: cannot be made"):
        made_folder(DemoFiles(tmp_path / "file" / "folder")).__enter__()


def test_files_of_somebody_else_are_not_replaced_and_those_of_a_demo_are(tmp_path):
    (tmp_path / "scan.h5").write_text("")
    with made_folder(DemoFiles(tmp_path)):
        pass
    (tmp_path / "images.h5").write_text("")
    with pytest.raises(RawDataError, match=r"expected a new folder, or that of a demo, found one with images\.h5"):
        made_folder(DemoFiles(tmp_path)).__enter__()
    (tmp_path / "clean.h5").write_text("")
    with made_folder(DemoFiles(tmp_path)):
        pass


def test_a_new_folder_into_which_nothing_could_be_written_goes_again(tmp_path):
    (tmp_path / "mine").mkdir()
    for name, content in (("new", None), ("mine", None), ("begun", "truth.json")):
        files = DemoFiles(tmp_path / name)
        with suppress(RawDataError), made_folder(files):
            if content:
                (files.folder / content).write_text("")
            raise RawDataError("the disk is full")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["begun", "mine"]
