"""A scan with sparks, and a console that has looked at it."""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

import pytest

from gadgets.logbook import Logbook
from pipelines.commands.command_line import main
from pipelines.console import Console, Desk, Looker
from pipelines.inspection import inspect_raw
from pipelines.phantom import PhantomScan, write_phantom

CPU = {"spark_detection.provider": "cpu"}
LIMIT_S = 30


@pytest.fixture(scope="session")
def sparked(tmp_path_factory):
    """A raw file with more than ten sparks, most of them far from the centre."""
    folder = tmp_path_factory.mktemp("sparked")
    write_phantom(folder / "clean.h5", PhantomScan(matrix=64, n_coils=4, n_slices=3, n_noise=2))
    file = folder / "sparked.h5"
    with pytest.raises(SystemExit) as ended:
        main(f"simulate {folder}/clean.h5 {file} --truth {folder}/truth.json --seed 3 --centre-share 0.2 -q".split())
    assert ended.value.code == 0
    return file


class Visitor:
    """A browser without a screen: it keeps its cookie, and sends forms as the page has them."""

    def __init__(self, served, desk, looker):
        self.served, self.desk, self.looker = served, desk, looker
        self.cookie = ""

    def ask(self, method, path, form=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=LIMIT_S)
        sent = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, None if form is None else urlencode(form), sent | headers)
        answer = connection.getresponse()
        answer.text = answer.read()
        connection.close()
        return answer

    def enter(self):
        address = urlsplit(self.served.url)
        answer = self.ask("GET", f"{address.path}?{address.query}")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return self

    def send(self, path, **form):
        return self.ask("POST", path, {"form_key": self.served.access.form_key, "by": "anna", **form})

    def wait_for_scans(self, count):
        deadline = time.monotonic() + LIMIT_S
        while len(self.desk.scans()) < count:
            assert time.monotonic() < deadline, self.looker.status()
            time.sleep(0.05)
        return self.desk.scans()

    def look_again(self):
        """Look at the file of the newest scan again, and give its new entry."""
        scans = self.desk.scans()
        assert self.send("/look", scan=scans[0][0]).status == 303
        return self.wait_for_scans(len(scans) + 1)[0][1]


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Start a console that looks at some files."""
    monkeypatch.setattr("pipelines.console.looker.PAUSE_S", 0.1)

    @contextmanager
    def start(*files):
        desk = Desk(Logbook(tmp_path / "scans.db"), pages=tmp_path / "pages")
        with (
            Looker(lambda: files, lambda *given: inspect_raw(*given), desk, CPU) as looker,
            Console("127.0.0.1", 0, desk, looker) as served,
        ):
            yield Visitor(served, desk, looker)

    return start
