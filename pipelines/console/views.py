"""What the console answers to whoever may ask: its page, parts of it, pictures and kept pages."""

from __future__ import annotations

import re
from importlib import resources
from typing import NamedTuple

from gadgets.errors import StoreError
from gadgets.logbook import SCAN_PREFIX
from gadgets.outside import whole_number
from gadgets.patch_models import IMPACTS
from pipelines.console.desk import Desk, image_name
from pipelines.console.judging import judge_impact, judge_spark, set_thresholds, user_name
from pipelines.console.looker import Looker
from pipelines.console.page import console_page, lists
from pipelines.inspection import KSpacePictures, gray_png, html_page, kspace_png

HTML, PNG = "text/html; charset=utf-8", "image/png"
FILES = {
    "/page.css": ("pipelines.inspection", "page.css", "text/css; charset=utf-8"),
    "/console.css": ("pipelines.console", "console.css", "text/css; charset=utf-8"),
    "/console.js": ("pipelines.console", "console.js", "text/javascript; charset=utf-8"),
}
KEPT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""A kept page brings its style and its pictures with it, and has no script."""

_PICTURE = re.compile(r"/picture/(\d{1,9})/(\d{1,3})/(before|after|kspace)\.png")
_RUNNING = re.compile(rf"/running/({SCAN_PREFIX}[\w-]{{1,75}})/(before|after)\.png", re.ASCII)
_KEPT = re.compile(r"/kept/(\d{1,9})\.html")


class Answer(NamedTuple):
    """What is sent: its kind, and headers beside the usual ones."""

    content: bytes
    kind: str = HTML
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


class Views:
    """Answers from what is known.

    Parameters
    ----------
    desk, looker
        What is known of scans, and what was seen in files.
    form_key
        Stands in the forms.
    """

    def __init__(self, desk: Desk, looker: Looker, form_key: str) -> None:
        self._desk, self._looker, self._form_key = desk, looker, form_key

    def show(self, path: str, asked: dict[str, str]) -> Answer | None:
        """Give what lies at a path of the address; None where nothing does."""
        if path == "/":
            return self.page(whole_number(asked.get("scan", "")), running=asked.get("running", ""))
        if path == "/lists":
            text = lists(self._desk, self._looker, whole_number(asked.get("scan", "")))
            return Answer(_as_bytes(text), HTML, {"X-Status": _one_line(self._looker.status())})
        if path in FILES:
            package, name, kind = FILES[path]
            return Answer(resources.files(package).joinpath(name).read_bytes(), kind)
        if match := _PICTURE.fullmatch(path):
            return self._picture(int(match[1]), int(match[2]), match[3])
        if match := _RUNNING.fullmatch(path):
            both = self._desk.picture_of(match[1])
            return None if both is None else Answer(gray_png(both[int(match[2] == "after")], 255.0), PNG)
        if match := _KEPT.fullmatch(path):
            return self._kept(int(match[1]))
        return None

    def page(self, number: int | None, fault: str = "", running: str = "") -> Answer:
        """Give the page of a scan of the logbook, or of one that runs; with what was wrong with the last form."""
        page = console_page(self._desk, self._looker, number, self._form_key, user_name(), fault, running)
        return Answer(_as_bytes(page))

    def take(self, path: str, form: dict[str, str]) -> str | None:
        """Take a form, and give the address to go to; None where it is none of the page's.

        Raises
        ------
        SettingsError, StoreError
            It says what cannot be, or nothing can be written down.
        """
        # Where no number came, 0 stands for the scan and -1 for the place: nothing has these, and the answer says so.
        scan, by = whole_number(form.get("scan", "")), form.get("by", "")
        here = "/" if scan is None else f"/?scan={scan}"
        if path == "/judge" and form.get("was_spark") in ("yes", "no"):
            spark = whole_number(form.get("spark", ""))
            was_spark = form["was_spark"] == "yes"
            judge_spark(self._desk, scan or 0, -1 if spark is None else spark, was_spark=was_spark, by=by)
            return f"{here}#spark{spark}"
        impact = next((name for name in IMPACTS if name == form.get("impact")), None)
        if path == "/impact" and impact is not None:
            entry, place = self._desk.logbook.entry(scan or 0), whole_number(form.get("image", ""))
            shown = self._pictures(scan or 0, -1 if place is None else place)
            if entry is None or shown is None or shown.strongest is None:
                raise StoreError(f"scan {scan}: expected an image with sparks that is shown here, found none")
            name = image_name(scan or 0, entry, shown.indices.model_dump_json(exclude_defaults=True))
            judge_impact(self._desk, name, shown.strongest, shown.standard_values, impact, by)
            return f"{here}#image{place}"
        if path == "/thresholds":
            set_thresholds(self._desk, form, by)
            return f"{here}#thresholds"
        return "/" if path == "/look" and self._looker.look_again(scan or 0) else None

    def _pictures(self, number: int, place: int) -> KSpacePictures | None:
        seen = self._looker.seen(number)
        pictures = () if seen is None else seen[1].pictures
        return pictures[place] if 0 <= place < len(pictures) else None

    def _picture(self, number: int, place: int, what: str) -> Answer | None:
        shown = self._pictures(number, place)
        if shown is None:
            return None
        if what == "kspace":
            return Answer(kspace_png(shown.kspace), PNG)
        image = shown.before if what == "before" else shown.after
        return None if image is None else Answer(gray_png(image, shown.white), PNG)

    def _kept(self, number: int) -> Answer | None:
        """Give the page that a server has kept of a scan, else one of what was seen in its file."""
        entry, seen = self._desk.logbook.entry(number), self._looker.seen(number)
        page = None if entry is None else self._desk.page_of(entry)
        more = {"Content-Security-Policy": KEPT_POLICY}
        try:
            if page is not None:
                return Answer(page.read_bytes(), HTML, more)
        except OSError as error:
            raise StoreError(f"{page.name if page else ''}: cannot be read ({error.strerror})") from error
        return None if seen is None else Answer(_as_bytes(html_page([seen[1]])), HTML, more)


def _as_bytes(page: str) -> bytes:
    r"""Encode a page; what is no UTF-8 in the name of a file shows as ``\udcff``."""
    return page.encode(errors="backslashreplace")


def _one_line(text: str) -> str:
    """Make a text fit for a header: a file's name may hold anything."""
    return text.encode("ascii", "replace").decode().translate({10: " ", 13: " "})[:200]
