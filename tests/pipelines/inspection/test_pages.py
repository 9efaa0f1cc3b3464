"""Every scan that a server keeps gets its page, and what keeps one from being written costs no scan."""

from __future__ import annotations

import logging
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.raw_scans import chain_xml, converse, scan_bytes, scan_items

import pipelines.inspection.pages
from gadgets.errors import SettingsError
from pipelines.commands.terminal.serving import open_archive
from pipelines.files import Archive
from pipelines.host import Host
from pipelines.inspection import PAGE_ENDING, Pages
from pipelines.worker import Worker

DROP_IN = chain_xml(
    '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/><configuration>'
    '<property name="spark_detection.method" value="none"/></configuration></external>',
    writes=("AcquisitionWriter", "WaveformWriter"),
)


def wait_for(is_there):
    limit = time.monotonic() + 60
    while not is_there() and time.monotonic() < limit:
        time.sleep(0.05)
    assert is_there()


def test_a_scan_of_a_host_leaves_a_page_with_the_settings_of_its_chain(tmp_path):
    folder = tmp_path / "pages"
    with open_archive(tmp_path / "scans", 1, 1, folder) as archive, Host(archive=archive) as host:
        converse(host.address, scan_bytes(DROP_IN, scan_items(n_lines=6)))
        wait_for(lambda: list(folder.glob("*.html")))
    (page,) = folder.iterdir()
    (scan,) = (tmp_path / "scans").iterdir()
    assert page.stem == scan.stem
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "spark_detection.method" in text
    assert "calibration.record" not in text


def test_a_worker_that_is_only_asked_how_it_is_leaves_no_page(tmp_path):
    told = []
    archive = Archive(tmp_path / "scans", on_kept=lambda path, settings: told.append((path, settings)))
    archive.check()
    with Worker({"raw_repair": 0}, archive=archive, settings={"raw_repair": {"calibration.record": "off"}}) as worker:
        address = worker.addresses["raw_repair"]
        converse(address, scan_bytes(b"", []))
        converse(address, scan_bytes(b"", scan_items(n_lines=6)))
    ((path, settings),) = told
    assert path.stat().st_size > 2000
    assert settings == {}


def test_a_page_that_cannot_be_written_is_said_and_the_next_one_comes(tmp_path, caplog):
    kept = Archive(tmp_path / "pages", most_gb=1e-9, ending=PAGE_ENDING)
    kept.check()
    broken = tmp_path / "scan-1.mrd"
    broken.write_bytes(b"\1\0")
    with Pages(kept) as pages:
        pages.add(broken, {})
        wait_for(lambda: "no page of scan-1.mrd" in caplog.text)
        pages.add(tmp_path / "scan-2.mrd", {})
        wait_for(lambda: "no page of scan-2.mrd" in caplog.text)
    assert str(tmp_path) not in caplog.text


@pytest.mark.parametrize("name", ["TOK FOLDER (1)", "."])
def test_the_reason_names_no_folder(tmp_path, caplog, monkeypatch, name):
    """Neither that of the scan, nor that of the page, nor one of a setting: folders may be called after patients."""
    monkeypatch.chdir(tmp_path)
    reasons: list[str] = []
    scans, pages = Path(name), tmp_path / "TOKPAGES"
    scans.mkdir(exist_ok=True)
    (scans / "scan-1.mrd").write_bytes(scan_bytes(b"")[6:])
    models = {"spark_detection.models": str(tmp_path / "TOKMODELS")}
    with Pages(Archive(pages, ending=PAGE_ENDING)) as writing:
        for number, settings in ((1, {"spark_detection.method": "none"}), (1, models)):
            caplog.clear()
            writing.add(scans / f"scan-{number}.mrd", settings)
            wait_for(lambda number=number: f"no page of scan-{number}.mrd" in caplog.text)
            reasons.append(caplog.text)
    assert "the folder … does not exist" in reasons[0]
    assert "(manifest.json: expected a manifest of models" in reasons[1]
    assert not [reason for reason in reasons if "TOK" in reason or str(tmp_path) in reason]


def test_what_still_waits_when_the_server_stops_is_named(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(pipelines.inspection.pages, "MOST_WAITING", 2)
    pages = Pages(Archive(tmp_path, ending=PAGE_ENDING))
    for number in range(3):
        pages.add(tmp_path / f"scan-{number}.mrd", {})
    assert "no page of scan-2.mrd (2 scans wait for theirs)" in caplog.text
    pages._stopping.set()
    with pages:
        pass
    for number in range(2):
        assert f"no page of scan-{number}.mrd (the server stops)" in caplog.text


def test_a_page_whose_process_is_ended_is_missing_for_that_reason(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(pipelines.inspection.pages, "LIMIT_S", 0.1)
    kept = Archive(tmp_path / "pages", ending=PAGE_ENDING)
    kept.check()
    with Pages(kept) as pages:
        pages.add(tmp_path / "scan-1.mrd", {})
        wait_for(lambda: "no page of scan-1.mrd (its process was ended by signal 9)" in caplog.text)


def test_a_page_whose_process_is_killed_while_it_writes_leaves_no_half(tmp_path, caplog, monkeypatch):
    code = (
        "import os, sys; from pathlib import Path; from pipelines.files import whole_or_nothing\n"
        "with whole_or_nothing(Path(sys.argv[3])) as half: half.write_text('half'); os.kill(os.getpid(), 9)"
    )
    monkeypatch.setattr(pipelines.inspection.pages, "_CHILD", code)
    with Pages(Archive(tmp_path, ending=PAGE_ENDING)) as pages:
        pages.add(tmp_path / "scan-1.mrd", {})
        wait_for(lambda: "no page of scan-1.mrd (its process was ended by signal 9)" in caplog.text)
    assert not list(tmp_path.iterdir())


def test_old_pages_make_room(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    kept = Archive(tmp_path, most_days=1, ending=PAGE_ENDING)
    old, other = tmp_path / "scan-old.html", tmp_path / "mine.html"
    for path in (old, other):
        path.write_text("page")
        os.utime(path, (0, 0))
    kept.make_room(tmp_path / "scan-new.html")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]
    assert replace(kept, ending=".mrd").make_room(tmp_path / "x") is True


def test_pages_want_an_archive(tmp_path):
    with pytest.raises(SettingsError, match="--pages: expected --archive"), open_archive(None, 1, 1, tmp_path):
        pass
