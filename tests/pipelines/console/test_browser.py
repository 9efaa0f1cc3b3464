"""In a real browser: from a scan to feedback to a changed threshold that changes the next scan, by keys alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from helpers.connections import wait_until
from helpers.screens.browser import CHROMIUM, browser

from gadgets.findings import ScanFacts
from gadgets.logbook import RunningFile, RunningScan, SparkEntry, entry_of, now
from gadgets.patch_models import read_history

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.mark.timeout(120)
def test_a_person_judges_sparks_and_sets_a_threshold_with_keys(opened, sparked, tmp_path):
    with opened(sparked) as visitor, browser(tmp_path / "profile") as page:
        ((_, before),) = visitor.wait_for_scans(1)
        page.show(1280, 900)
        page.open(visitor.served.url)
        page.wait_for("document.querySelectorAll('tr.spark').length > 10")
        assert "key=" not in page.ask("location.href")
        # The slider moves what is shown.
        page.ask("document.querySelector('input[type=range]').focus()")
        for key in ("Home", "ArrowRight"):
            page.press(key)
        page.wait_for("document.querySelector('.compare').style.getPropertyValue('--cut') === '1%'")
        page.ask("document.activeElement.blur()")
        # Second spark: rejected; and the page comes back to it.
        for key in ("j", "j", "n"):
            page.press(key)
        page.wait_for("document.querySelector('#spark1 button[value=no]').getAttribute('aria-pressed') === 'true'")
        (said,) = read_history(visitor.desk.logbook.path).feedback
        assert (said.was_spark, said.probability) == (False, before.found[1].probability)
        page.wait_for("document.activeElement.id === 'spark1'")
        # The threshold, and another look at the same file.
        page.press("t")
        page.wait_for("document.activeElement.id === 'threshold'")
        page.ask("document.activeElement.select()")
        for key in "0.8":
            page.press(key)
        page.press("Enter")
        page.wait_for("document.getElementById('thresholds').innerText.includes('patch outer 0.8')")
        assert visitor.desk.in_force().changes[0].threshold == 0.8
        page.ask("document.querySelector('form[action=\"/look\"] button').click()")
        (_, after), _ = visitor.wait_for_scans(2)
        assert 0 < after.sparks < before.sparks
        # Nobody is at work: the page shows the new scan by itself.
        page.wait_for(f"document.querySelectorAll('tr.spark').length === {after.sparks}")
        assert page.complaints == []


@pytest.mark.timeout(120)
def test_a_scan_is_watched_while_it_runs(opened, tmp_path):
    with opened() as visitor, browser(tmp_path / "profile") as page:
        page.open(visitor.served.url)
        page.wait_for("document.querySelector('h1').innerText.includes('No scan')")
        running = RunningFile(visitor.desk.logbook.path, "scan-1")
        state = RunningScan(scan="scan-1", began=now(), source="raw_repair", protocol="gre", announced=40)
        for n_kspaces, n_sparks in ((1, 0), (20, 3)):
            running.write(state.model_copy(update={"k_spaces": n_kspaces, "sparks": n_sparks}))
            page.wait_for(f"document.querySelector('#running progress').value === {n_kspaces}")
            page.wait_for(f"document.querySelector('#running td:nth-child(3)').innerText === '{n_sparks}'")
        # Its last image comes by itself, and the next one takes its place.
        page.ask("document.querySelector('#running a').click()")
        page.wait_for("document.querySelector('#live').innerText.includes('The next k-space')")
        for n_pictures in (1, 2):
            wait_until(partial(_made, running, n_pictures))
            running.write(state.model_copy(update={"k_spaces": 20 + n_pictures, "pictures": n_pictures}))
            page.wait_for(f"document.querySelector('#live').dataset.pictures === '{n_pictures}'")
            page.wait_for("[...document.querySelectorAll('#live img')].every(i => i.complete && i.naturalWidth === 40)")
            page.wait_for(f"document.querySelector('#live h1').innerText.includes('{20 + n_pictures} of 40')")
        assert page.ask("document.querySelector('#live .over').src.endsWith('after.png?2')")
        # It ends, and is shown by itself.
        visitor.desk.logbook.add(entry_of("raw_repair", ScanFacts(protocol="gre"), [], verdict="No sparks."))
        running.close()
        page.wait_for("document.querySelector('h1').innerText === 'No sparks.'")
        page.wait_for("document.querySelector('#running').children.length === 0")
        assert page.complaints == []


def _made(running, count):
    """Pictures have their share of the time: the next one is made when it is due."""
    if running.picture.count < count:
        running.picture.show(lambda: (np.eye(40), np.eye(40) / 2))
    return running.picture.count == count


@pytest.mark.timeout(120)
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(opened, sparked, tmp_path, width):
    where = "slice 12, contrast 11, repetition 123"
    spark = SparkEntry(
        receivers=tuple(range(9)), rnr=1.25, where=where, line=1023, sample=1023, clock="23:59:59.995", is_repaired=True
    )
    coils = tuple(f"HeadNeck_20;H{number}" for number in range(16))
    with opened(sparked) as visitor, browser(tmp_path / "profile") as page:
        visitor.wait_for_scans(1)
        entry = entry_of("raw_repair", ScanFacts(protocol="t1_mprage_sag_p2_iso", coils=coils), [])
        visitor.desk.logbook.add(entry.model_copy(update={"found": (spark,) * 200, "sparks": 300}))
        for scheme in ("light", "dark"):
            page.show(width, 844, scheme)
            page.open(visitor.served.url)
            page.wait_for("document.querySelectorAll('tr.spark').length === 200")
            assert page.ask("document.documentElement.scrollWidth") <= width
            assert page.ask(
                "[...document.querySelectorAll('.scroll')].every(each => each.scrollWidth <= each.clientWidth)"
            )
            paper = page.ask("getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
            # Every control has a name for those who do not see it.
            assert page.ask("[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length)")
