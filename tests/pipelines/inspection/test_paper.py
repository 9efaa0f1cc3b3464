"""The page as a picture or for a printer."""

from __future__ import annotations

import re

import pytest
from helpers.scans.inspections import moved
from matplotlib.axes import Axes
from matplotlib.image import imread

from gadgets.indices import Indices
from pipelines.inspection import Inspection, html_page, write_pdf, write_png


def test_paper_has_room_for_the_strongest_sparks(burst):
    kspace, spark = burst.report.k_spaces[0], burst.report.sparks[0]
    many = [spark.model_copy(update={"line": line, "rnr": (line / 10,)}) for line in range(1, 30)]
    report = burst.report.model_copy(update={"k_spaces": (kspace.model_copy(update={"sparks": tuple(many)}),)})
    page = html_page([Inspection(report, burst.pictures * 4)])
    shown = re.findall(r"<tr><td>slice 0</td><td>(\d+)</td>", page)
    assert [int(line) for line in shown] == list(range(22, 30))
    assert page.count('<tr class="more"><td>slice 0</td>') == 21
    assert page.count('class="row more"') == 2


def test_paper_shows_the_same(burst, tmp_path):
    write_pdf(tmp_path / "page.pdf", [burst])
    write_png(tmp_path / "page.png", [burst])
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page ") == 2
    picture = imread(tmp_path / "page.png")
    assert picture.shape[0] > 2 * picture.shape[1]
    assert picture.std() > 0.05


def test_ctrl_c_in_the_middle_of_a_document_leaves_none_and_is_told_as_such(burst, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("matplotlib.backends.backend_pdf.PdfFile.writeObject", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_pdf(tmp_path / "page.pdf", [burst])
    assert not list(tmp_path.iterdir())


def test_no_cell_of_the_table_on_paper_runs_into_the_next(burst, tmp_path, monkeypatch):
    tables, table = [], Axes.table
    monkeypatch.setattr(Axes, "table", lambda *args, **named: tables.append(table(*args, **named)) or tables[-1])
    where = Indices(encoding=1, slice=12, contrast=11, phase=20, repetition=123, set=1)
    receivers = (10, 11, 12, 13)
    write_png(tmp_path / "page.png", [moved(burst, indices=where, samples=(1, 3, 5, 7, 9, 11), receivers=receivers)])
    for cell in tables[0].get_celld().values():
        text = cell.get_text()
        assert text.get_window_extent().x1 <= cell.get_window_extent().x1, text.get_text()
    assert tables[0][1, 0].get_text().get_text().startswith("slice 12, ")
