"""The last image of a scan that runs: only for somebody who looks, small, and never at the cost of the scan."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from gadgets.logbook import running_picture
from gadgets.logbook.running_picture import FILE_BYTES, MOST_PIXELS, WATCHED, RunningPicture, read_picture, watch


@pytest.fixture
def path(tmp_path):
    watch(tmp_path)
    return tmp_path / "scan-1.picture"


def images(size=8, white=1000.0):
    before = np.linspace(0, 2 * white, size * size).reshape(size, size)
    return before, before / 2


def test_both_images_have_one_window(path):
    picture = RunningPicture(path)
    picture.show(images)
    before, after = read_picture(path).astype(int)
    assert (after.min(), after.max()) == (0, 255)
    dark = before < 255
    assert np.abs(before - 2 * after)[dark].max() <= 1
    assert (picture.count, path.stat().st_mode & 0o777) == (1, 0o600)
    assert [each.name for each in path.parent.glob("scan-1*")] == [path.name]


def test_a_large_image_is_kept_smaller(path):
    RunningPicture(path).show(lambda: images(MOST_PIXELS * 3 + 1))
    assert max(read_picture(path).shape) <= MOST_PIXELS
    assert path.stat().st_size <= FILE_BYTES


def test_nothing_is_made_where_nobody_looks(path):
    hour_ago = time.time() - 3600
    os.utime(path.with_name(WATCHED), (hour_ago, hour_ago))
    RunningPicture(path).show(lambda: pytest.fail("nobody looks"))
    path.with_name(WATCHED).unlink()
    RunningPicture(path).show(lambda: pytest.fail("nobody looks"))


def test_pictures_take_a_small_part_of_the_time(path, monkeypatch):
    clock = iter([0.0, 1.0, 20.9, 21.1, 22.1])
    monkeypatch.setattr(running_picture.time, "monotonic", lambda: next(clock))
    picture = RunningPicture(path)
    # One second for the first: the next is due 20 s after it.
    picture.show(images)
    picture.show(lambda: pytest.fail("too early"))
    picture.show(images)
    assert picture.count == 2


@pytest.mark.parametrize("fault", [MemoryError("large"), ValueError("odd")])
def test_a_failure_costs_the_picture_alone(path, fault):
    def fail():
        raise fault

    picture = RunningPicture(path)
    picture.show(fail)
    assert (picture.count, read_picture(path)) == (0, None)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x93NUMPY\x01\x00"])
def test_what_is_no_picture_is_not_shown(path, content):
    path.write_bytes(content)
    assert read_picture(path) is None


def test_an_array_of_another_kind_is_not_shown(path):
    for array in (np.zeros((2, 4, 4)), np.zeros((3, 4, 4), np.uint8), np.zeros(4, np.uint8), np.array(1)):
        with path.open("wb") as file:
            np.save(file, array)
        assert read_picture(path) is None


def test_an_image_of_nothing_is_shown_black(path):
    RunningPicture(path).show(lambda: (np.zeros((4, 4)), np.zeros((4, 4))))
    assert not read_picture(path).any()
