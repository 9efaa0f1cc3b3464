"""What a scan lacks as a whole."""

import logging
from dataclasses import replace

import pytest
from helpers.builders import encoding

from gadgets.indices import Indices
from gadgets.kspace.assembly.missing_kspaces import MOST_NAMED, SeenKSpaces, announced_kspaces


def seen(encodings, *indices):
    kspaces = SeenKSpaces(encodings)
    for item in indices:
        kspaces.note(item)
    return kspaces


def test_what_the_header_announces_and_never_came_is_named():
    announced = [encoding(), replace(encoding(), last=Indices(slice=7, set=1))]
    came = [Indices(), *(Indices(encoding=1, slice=n, set=s) for n in range(3) for s in range(2))]
    warning = seen(announced, *came).warning()
    assert warning == "slice 3 to 7 of encoding 1, which the header announces, never came"


def test_a_whole_scan_in_any_order_lacks_nothing():
    announced = [replace(encoding(), last=Indices(slice=2)), replace(encoding(), last=Indices(slice=9))]
    assert seen(announced, *(Indices(slice=number) for number in (2, 0, 1))).warning() == ""


@pytest.mark.parametrize("counter", ["slice", "contrast", "phase", "set", "average"])
def test_what_nobody_has_is_named_also_between_others(counter):
    announced = [replace(encoding(), last=Indices(**{counter: 5}))]
    warning = seen(announced, *(Indices(**{counter: number}) for number in (0, 2, 5))).warning()
    assert warning == f"{counter} 1, 3 to 4 of encoding 0, which the header announces, never came"


def test_a_header_that_announces_more_than_can_be_counted_costs_no_time():
    announced = [replace(encoding(), last=Indices(average=2**32 - 1))]
    assert "average 1 to 65535 of encoding 0" in seen(announced, Indices()).warning()


def test_more_than_announced_is_no_fault():
    assert seen([encoding()], Indices(slice=5)).warning() == ""
    from_one = [replace(encoding(), last=Indices(slice=1))]
    assert seen(from_one, Indices(slice=1), Indices(slice=2)).warning() == ""
    assert seen([encoding()]).warning() == ""


@pytest.mark.parametrize("counter", ["repetition", "contrast", "phase", "set", "average"])
def test_slices_that_a_later_volume_lacks_are_named(counter):
    came = [Indices(slice=number, **{counter: volume}) for volume in range(3) for number in range(8)]
    came = [each for each in came if not (getattr(each, counter) == 2 and each.slice in (3, 5, 6, 7))]
    warning = seen([encoding()], *came).warning()
    assert warning == f"slice 3, 5 to 7 never came in {counter} 2, though others have it"


def test_a_first_volume_that_is_short_is_named_too():
    came = [Indices(slice=0), *(Indices(slice=number, repetition=1) for number in range(2))]
    assert seen([encoding()], *came).warning() == "slice 1 never came in the first volume, though others have it"


def test_a_repetition_that_lacks_a_contrast_is_named():
    came = [Indices(repetition=n, contrast=c) for n in range(2) for c in range(3) if (n, c) != (1, 2)]
    assert seen([encoding()], *came).warning() == "repetition 1 lacks contrast 2, though others have it"


def test_a_message_names_a_few_and_counts_the_rest():
    came = [Indices(slice=n, repetition=r) for r in range(100) for n in range(2 if r == 0 else 1)]
    warning = seen([encoding()], *came).warning()
    assert warning.count("never came") == MOST_NAMED
    assert "96 more of this kind" in warning


def test_repetitions_that_never_began_are_information(caplog):
    kspaces = seen([replace(encoding(), last=Indices(repetition=9))], Indices(), Indices(repetition=1))
    assert kspaces.warning() == ""
    with caplog.at_level(logging.INFO):
        kspaces.log(logging.getLogger("test"), "raw_repair")
    (record,) = caplog.records
    assert record.levelname == "INFO"
    announced = "repetition 2 to 9 of encoding 0, which the header announces, never began"
    assert record.getMessage() == f"raw_repair: {announced}"


def test_where_only_a_part_comes_nothing_is_said():
    kspaces = seen([replace(encoding(), last=None)], Indices(), Indices(slice=1, repetition=3))
    assert kspaces.warning() == kspaces.information() == ""


def test_the_header_speaks_of_so_many_kspaces():
    announced = [encoding(), replace(encoding(), last=Indices(slice=7, set=1))]
    assert announced_kspaces(announced) == 1 + 16
    assert announced_kspaces([replace(encoding(), last=None), encoding()]) is None
