"""The page that a browser shows: one file, in order, whatever a header says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from helpers.scans.inspections import CPU, ignore, moved

from gadgets.findings import ScanFacts
from gadgets.indices import Indices
from pipelines.inspection import Inspection, html_page, inspect_raw
from pipelines.inspection.vocabulary import visible
from pipelines.inspection.words import in_words


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


def test_several_files_have_a_table_first(burst):
    clean = inspect_raw(Path(burst.report.input).with_name("clean.h5"), CPU, ignore)
    page = html_page([burst, clean])
    assert "Sparks in 1 of 2 files" in page
    assert page.index('href="#scan1"') < page.index('id="scan0"') < page.index('id="scan1"')


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
