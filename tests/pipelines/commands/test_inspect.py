"""``despark inspect``: files and folders in, a verdict and pages out, nothing overwritten."""

from __future__ import annotations

import json

import h5py
import pytest
from helpers.images.dicom import dicom_file

from pipelines.commands.command_line import main
from pipelines.phantom import PhantomScan, write_phantom


@pytest.fixture(autouse=True)
def scans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "night").mkdir()
    for number in (1, 2):
        write_phantom(tmp_path / "night" / f"scan{number}.h5", PhantomScan(matrix=32, n_coils=4, n_slices=1, n_noise=0))
    return tmp_path


def despark(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["inspect", *arguments])
    return ended.value.code


def test_one_file_gives_a_verdict_a_page_and_a_report(scans, capfd):
    outputs = ["-o", "page.html", "--json", "r.json", "--png", "page.png", "--pdf", "page.pdf"]
    assert despark("night/scan1.h5", *outputs) == 0
    captured = capfd.readouterr()
    assert captured.out.startswith("No sparks.\n")
    assert "written: page.html" in captured.err
    report = json.loads((scans / "r.json").read_text())
    assert (report["verdict"], report["pipeline"], len(report["k_spaces"])) == ("No sparks.", "inspect", 1)
    assert (scans / "page.html").read_text().startswith("<!DOCTYPE html>")
    assert (scans / "page.png").read_bytes().startswith(b"\x89PNG")
    assert (scans / "page.pdf").read_bytes().startswith(b"%PDF")


def test_a_folder_is_looked_through_and_a_bad_file_does_not_end_it(scans, capfd):
    (scans / "night" / "bad.h5").write_bytes(b"no HDF5")
    assert despark("night", "--json", "-") == 1
    captured = capfd.readouterr()
    assert [report["input"] for report in json.loads(captured.out)] == ["night/scan1.h5", "night/scan2.h5"]
    assert "error: night/bad.h5: " in captured.err
    assert "Sparks in 0 of 2 files." in captured.err


@pytest.mark.parametrize("is_all", [False, True])
def test_quiet_says_which_files_failed_and_why_and_nothing_else(scans, capfd, is_all):
    (scans / "night" / "bad.h5").write_bytes(b"no HDF5")
    assert despark(*(["night/bad.h5", "no.h5"] if is_all else ["night", "no.h5"]), "-q") == 1
    captured = capfd.readouterr()
    reasons = ["night/bad.h5: not an HDF5 file", "no.h5: no such file"]
    expected = [f"despark: error: {reason}" for reason in reasons]
    assert captured.err.splitlines()[:2] == expected
    assert (captured.out, len(captured.err.splitlines())) == ("", 3 if is_all else 2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere.h5"], "nowhere.h5: no such file"),
        (["night/scan1.h5", "-o", "night/scan1.h5"], "would overwrite night/scan1.h5"),
        (["night/scan1.h5", "--png", "a.png", "--json", "a.png"], "would overwrite a.png"),
        (["night/scan1.h5", "-o", "a.pdf"], "a.pdf: expected a name that ends with .html, found .pdf"),
        (["night/scan1.h5", "--pdf", "a"], "a: expected a name that ends with .pdf, found none"),
        (["night/scan1.h5", "--set", "calibration.methd=none"], "methd"),
        (["empty"], "expected raw files or images"),
        (["none.h5"], "none.h5: group 'images' holds no images"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(scans, capfd, arguments, reason):
    (scans / "empty").mkdir()
    with h5py.File(scans / "none.h5", "w") as file:
        file.create_group("images")
    assert despark(*arguments) == 1
    error = capfd.readouterr().err
    assert reason in error
    assert "Traceback" not in error


def test_dicom_without_an_ending_is_found_in_a_folder(scans, capfd):
    for name in ("IM2", "1.2.840.1"):
        dicom_file(scans / "night" / name)
    # Nor has a text its ending, and it is none.
    (scans / "night" / "README").write_text("last night")
    assert despark("night", "-q", "--json", "-") == 0
    names = [report["input"] for report in json.loads(capfd.readouterr().out)]
    assert names == ["night/1.2.840.1", "night/IM2", "night/scan1.h5", "night/scan2.h5"]


def test_dicom_is_known_without_an_ending_and_a_phase_image_is_named(scans, capfd):
    dicom_file(scans / "IM1")
    dicom_file(scans / "IM2", ImageType=["ORIGINAL", "PRIMARY", "P"])
    assert despark("IM1", "IM2") == 1
    captured = capfd.readouterr()
    assert "No sparks were seen: most cannot be told from magnitude images" in captured.out
    assert "IM2: expected images that have a k-space, found none (IM2: a phase image has no k-space" in captured.err
