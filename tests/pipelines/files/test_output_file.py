"""Files that appear whole or not at all."""

from __future__ import annotations

import os

import pytest

from gadgets.errors import RawDataError
from pipelines.files.output_checks import check_folder, check_new_folder, check_parent, same_file
from pipelines.files.output_file import whole_or_nothing


def test_a_file_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "out.h5"
    with whole_or_nothing(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_a_failure_everything_is_as_before(tmp_path, failure):
    target = tmp_path / "out.h5"
    target.write_text("old")

    def fail():
        with whole_or_nothing(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_nobody_else_knows_where_a_file_is_written_first(tmp_path):
    names = set()
    for _ in range(2):
        with whole_or_nothing(tmp_path / "out.h5") as temporary:
            names.add(temporary)
    assert len(names) == 2


def test_without_a_file_nothing_appears(tmp_path):
    with whole_or_nothing(tmp_path / "out.h5"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_our_error(tmp_path):
    full = pytest.raises(RawDataError, match=r"out\.h5: cannot be written \(No space left")
    with full, whole_or_nothing(tmp_path / "out.h5"):
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_said_without_what_a_library_says_of_itself(tmp_path):
    full = pytest.raises(RawDataError, match=r"out: cannot be written \(No space left on device\)$")
    with full, whole_or_nothing(tmp_path / "out", is_folder=True):
        # As pydicom does.
        try:
            raise OSError(28, "No space left on device")
        except OSError as error:
            raise OSError(f"With tag (7FE0,0010) got exception: {error}\nTraceback (most recent call last):") from error


def test_places_where_no_file_can_be_made_are_refused(tmp_path):
    with pytest.raises(RawDataError, match="found a folder"):
        check_folder(tmp_path)
    with pytest.raises(RawDataError, match=r"the folder .*nowhere does not exist"):
        check_folder(tmp_path / "nowhere" / "out.h5")


@pytest.mark.parametrize("check", [check_folder, check_new_folder, check_parent])
def test_a_link_into_a_folder_that_is_not_there_is_refused_before_any_work(tmp_path, check):
    (tmp_path / "link.h5").symlink_to("nowhere/out.h5")
    with pytest.raises(RawDataError, match=r"link\.h5: the folder .*nowhere does not exist"):
        check(tmp_path / "link.h5")
    check(tmp_path / "other.h5")


def test_one_file_under_two_names_is_recognised(tmp_path):
    first, other = tmp_path / "a", tmp_path / "b"
    first.write_text("")
    (tmp_path / "link").symlink_to(first)
    (tmp_path / "hard").hardlink_to(first)
    assert same_file(first, tmp_path / "link")
    assert same_file(tmp_path / "hard", first)
    assert same_file(other, tmp_path / "." / "b")
    assert not same_file(first, other)


def test_a_device_is_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(RawDataError, match="expected the name of a file to write, found something else"):
        check_folder(pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["o" * 250, "o" * 255, "ö" * 125 + ".h5"])
def test_names_as_long_as_they_may_be_are_written(tmp_path, name):
    with whole_or_nothing(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["o" * 256, "ö" * 128, "circle"])
def test_names_that_no_file_can_have_are_refused(tmp_path, name):
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(RawDataError, match=r"cannot be written \((File name too long|Too many levels)"):
        check_folder(tmp_path / name)
    assert not same_file(tmp_path / name, tmp_path / "other")


def test_a_folder_appears_when_it_is_whole(tmp_path):
    with whole_or_nothing(tmp_path / "out", is_folder=True) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("a")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a").read_text() == "a"
    with pytest.raises(RawDataError, match="expected a new or an empty folder, found one that holds files"):
        check_new_folder(tmp_path / "out")


def write_folder(path, failure=None):
    with whole_or_nothing(path, is_folder=True) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("a")
        if failure:
            raise failure


def test_an_empty_folder_is_taken_and_a_failure_leaves_nothing(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="stop"):
        write_folder(tmp_path / "out", ValueError("stop"))
    assert [path.name for path in tmp_path.rglob("*")] == ["out"]
    write_folder(tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]


def test_a_folder_is_not_made_where_a_file_is(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(RawDataError, match="expected a folder, or a name with an ending"):
        check_new_folder(tmp_path / "out")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_stays_a_link(tmp_path, is_there):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target.h5", tmp_path / "link.h5"
    if is_there:
        target.write_text("old")
    link.symlink_to(target)
    with whole_or_nothing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "link.h5", "target.h5"]
