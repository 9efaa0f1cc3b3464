"""Folders may be called after patients: no text that others read names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gadgets.outside import without_folders

FILE = Path("/data/TOK Smith/scan-1.mrd")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/TOK Smith/scan-1.mrd: cannot be read", "scan-1.mrd: cannot be read"),
        ("the folder /data/TOK Smith does not exist", "the folder … does not exist"),
        ("nothing lies in /data/TOK Smith.", "nothing lies in …."),
        ("[Errno 2] No such file or directory: '/data/TOK Smith'", "[Errno 2] No such file or directory: '…'"),
        ("/data/TOK Smith/.scan-1.html.7.part (Read-only)", ".scan-1.html.7.part (Read-only)"),
        # Another folder, which nobody has asked to hide.
        ("/data/TOK Smith-2/a and /mnt/data/TOK Smith", "/data/TOK Smith-2/a and /mnt/data/TOK Smith"),
    ],
)
def test_a_file_is_named_without_its_folder(text, shown):
    assert without_folders(text, [FILE]) == shown


@pytest.mark.parametrize("folder", ["TOK\x1b[2J", "TOK'Smith", "TOK\udcff", "TOK\nSmith", "TOK (1)", "TOK\\d+", "TOKé"])
def test_a_folder_of_any_name_is_hidden_however_it_is_shown(folder):
    path = Path("/data") / folder
    for way in (str(path), repr(str(path))[1:-1], str(path).encode(errors="backslashreplace").decode()):
        assert without_folders(f"{way}/a.h5: the folder {way} is closed", [path / "a.h5"]) == (
            "a.h5: the folder … is closed"
        )


@pytest.mark.parametrize("file", [Path("scan.h5"), Path("./scan.h5"), Path(), Path("/scan.h5"), Path("/")])
def test_without_a_folder_nothing_is_changed(file):
    text = "scan.h5: line 3. ../other and ./scan.h5 /a/b (1.5 s)"
    assert without_folders(text, [file]) == text


def test_a_relative_folder_is_no_part_of_a_word():
    text = "scan/scan-1.mrd: a scan of scans, rescan, scan.txt"
    assert without_folders(text, [Path("scan/scan-1.mrd")]) == "scan-1.mrd: a … of scans, rescan, scan.txt"
