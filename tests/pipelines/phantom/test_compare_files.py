"""Two raw files compared: counted from them alone, and strict about all that no repair may change."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gadgets.errors import RawDataError
from gadgets.kspace.readout import is_imaging
from pipelines.files.raw_file import RawFile
from pipelines.files.raw_items import RawAcquisition
from pipelines.files.raw_writer import write_raw_file
from pipelines.phantom.compare_files import changed_places, check_whole, compare_files


def rewrite(source, target, change):
    with RawFile(source) as raw:
        items = [item for number, old in enumerate(raw) for item in change(number, old)]
        write_raw_file(target, raw.header_xml, items)
    return target


def with_sample(item, coil, sample, value):
    data = item.data.copy()
    data[coil, sample] = value
    return replace(item, data=data)


def renumbered(item):
    header = item.fields.copy()
    header["scan_counter"] += 1
    return replace(item, header=header.tobytes())


def test_all_is_found_where_the_clean_scan_comes_back(sparked, truth, phantom_file):
    comparison = compare_files(sparked, phantom_file, truth)
    assert comparison.found
    assert all(comparison.found)
    assert comparison.n_beside == 0


def scaled(factor):
    def change(_, item):
        is_image = isinstance(item, RawAcquisition) and is_imaging(int(item.fields["flags"]))
        return [replace(item, data=item.data * np.float32(factor)) if is_image else item]

    return change


def test_samples_that_were_made_worse_are_not_repaired(sparked, truth, tmp_path):
    comparison = compare_files(sparked, rewrite(sparked, tmp_path / "worse.h5", scaled(10)), truth)
    assert not any(comparison.found)
    assert min(comparison.left) > 1


@pytest.mark.parametrize("first", ["phantom.h5", "tenfold.h5"])
def test_a_file_without_the_sparks_of_the_truth_is_refused(sparked, truth, phantom_file, tmp_path, first):
    rewrite(sparked, tmp_path / "tenfold.h5", scaled(10))
    before = phantom_file if first == "phantom.h5" else tmp_path / first
    with pytest.raises(RawDataError, match=r"does not hold the sparks of .*give the file that despark simulate wrote"):
        compare_files(before, sparked, truth)


def test_a_truth_of_an_older_version_is_still_read(sparked, truth, phantom_file):
    old = json.loads(truth.read_text())
    for spark in old["sparks"]:
        del spark["sparked"]
    truth.write_text(json.dumps(old))
    assert all(compare_files(sparked, phantom_file, truth).found)
    # It does not say what the file holds; swapped files are told by the sparks that grow.
    assert compare_files(phantom_file, sparked, truth).left == pytest.approx([2] * len(old["sparks"]), rel=1e-3)


def test_nothing_is_found_where_nothing_was_repaired(sparked, truth):
    comparison = compare_files(sparked, sparked, truth)
    assert comparison.found
    assert not any(comparison.found)
    assert comparison.n_beside == 0


def test_a_sample_that_was_changed_beside_the_sparks_is_counted(sparked, truth, phantom_file, tmp_path):
    def damage(number, item):
        return [with_sample(item, 1, 3, 77) if number == 5 else item]

    out = rewrite(phantom_file, tmp_path / "out.h5", damage)
    assert compare_files(sparked, out, truth).n_beside == 1
    clean = compare_files(phantom_file, out, None)
    assert (clean.found, clean.n_beside) == ((), 1)


def test_the_places_are_those_of_the_kspace_and_name_the_receivers(phantom_file, tmp_path):
    def damage(number, item):
        return [with_sample(with_sample(item, 0, 7, 1), 2, 7, 1) if number == 5 else item]

    (place,) = changed_places(phantom_file, rewrite(phantom_file, tmp_path / "out.h5", damage))
    with RawFile(phantom_file) as raw:
        line = list(raw)[5].fields["idx"]["kspace_encode_step_1"]
    assert (place.place, place.receivers) == ((0, line, 7), (0, 2))


def test_samples_that_are_no_numbers_are_not_taken_for_changed(phantom_file, tmp_path):
    def spoil(number, item):
        return [with_sample(item, 0, 7, np.nan) if number == 5 else item]

    spoilt = rewrite(phantom_file, tmp_path / "nan.h5", spoil)
    assert list(changed_places(spoilt, spoilt)) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda number, item: [] if number == 60 else [item], "item 60 of the scan is not that of"),
        (lambda number, item: [item] if number < 60 else [], "out.h5: ends before item 60 of the other file"),
        (
            lambda _, item: [item] if is_imaging(int(item.fields["flags"])) else [with_sample(item, 0, 0, 1)],
            "item 0 of",
        ),
        (lambda number, item: [renumbered(item)] if number == 3 else [item], "item 3 of the scan"),
    ],
)
def test_what_no_repair_may_change_is_an_error(phantom_file, tmp_path, change, reason):
    out = rewrite(phantom_file, tmp_path / "out.h5", change)
    with pytest.raises(RawDataError, match=reason):
        check_whole(phantom_file, out)


def test_more_than_was_sent_is_an_error_too(phantom_file, tmp_path):
    longer = rewrite(phantom_file, tmp_path / "out.h5", lambda number, item: [item, item] if number == 65 else [item])
    with pytest.raises(RawDataError, match=r"phantom\.h5: ends before item 66 of the other file"):
        check_whole(phantom_file, longer)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00spark", "can't decode byte 0xff"),
        (b"\x89HDF\r\n\x1a\n\x00", "can't decode byte 0x89"),
        (b"not JSON", "Invalid JSON"),
        (b'{"sparks": [1, 2, 3]}', "Field required"),
    ],
)
def test_a_truth_that_is_none_is_refused_in_one_line(sparked, phantom_file, tmp_path, content, reason):
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(RawDataError, match=f"expected the truth written by despark simulate .*{reason}") as caught:
        compare_files(sparked, phantom_file, tmp_path / "other.json")
    assert "\n" not in str(caught.value)
