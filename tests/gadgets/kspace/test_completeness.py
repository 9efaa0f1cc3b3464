"""What a scan lacks as a whole."""

from dataclasses import replace

from helpers.builders import encoding

from gadgets.indices import Indices
from gadgets.kspace.completeness import SeenKSpaces


def seen(encodings, *indices):
    kspaces = SeenKSpaces(encodings)
    for item in indices:
        kspaces.note(item)
    return kspaces.warning()


def test_what_the_header_announces_and_never_came_is_named():
    announced = [encoding(), replace(encoding(), last=Indices(slice=7, set=1))]
    warning = seen(announced, Indices(), Indices(encoding=1, slice=2), Indices(encoding=1, set=1))
    assert warning == "the stream ended before slice 3 to 7 of encoding 1, which the header announces"


def test_a_whole_scan_in_any_order_lacks_nothing():
    announced = [replace(encoding(), last=Indices(slice=2)), replace(encoding(), last=Indices(slice=9))]
    assert seen(announced, *(Indices(slice=number) for number in (2, 0, 1))) == ""


def test_more_than_announced_is_no_fault():
    assert seen([encoding()], Indices(slice=5)) == ""
    assert seen([encoding()]) == ""
