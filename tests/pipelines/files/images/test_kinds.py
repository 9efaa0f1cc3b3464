"""The name of an output says what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from gadgets.errors import DesparkError, RawDataError
from pipelines.files.images.kinds import Target


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.h5", "MRD"),
        ("a.HDF5", "MRD"),
        ("a.mrd", "MRD"),
        ("a.dcm", "DICOM"),
        ("a.nii", "NIfTI"),
        ("scan.1.nii.gz", "NIfTI"),
        ("a.png", "PNG"),
        ("folder", "DICOM folder"),
        ("folder/", "DICOM folder"),
    ],
)
def test_the_ending_tells_the_kind(name, kind):
    assert Target.of(Path(name)).kind == kind


def test_a_folder_that_is_there_is_one_whatever_its_name(tmp_path):
    (tmp_path / "scan.1").mkdir()
    assert Target.of(tmp_path / "scan.1").is_folder


@pytest.mark.parametrize("name", ["a.jpg", "a.dat", "a.gz", "a.mat", "scan.1"])
def test_an_ending_of_something_else_is_refused(name):
    with pytest.raises(RawDataError, match=rf"{name}: expected .* MRD \(\.h5\), DICOM .*; found \{Path(name).suffix}"):
        Target.of(Path(name))


def test_standard_output_takes_no_images():
    with pytest.raises(RawDataError, match=r"-: expected the name of a file or a folder; .* despark stream"):
        Target.of(Path("-"))


@pytest.mark.parametrize(("name", "library"), [("a.dcm", "pydicom"), ("a.nii.gz", "nibabel")])
def test_a_library_that_is_missing_is_named_before_the_scan(monkeypatch, name, library):
    def refuse(wanted):
        raise ImportError(wanted)

    monkeypatch.setattr("pipelines.files.images.image_file.importlib.import_module", refuse)
    with pytest.raises(DesparkError, match=rf"writing {name} needs {library}, .*despark\[images\]"):
        Target.of(Path(name))
