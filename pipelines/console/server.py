"""The HTTP side of the console: who asks, what for, and how much he may send."""

from __future__ import annotations

import logging
import re
import socket
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gadgets.errors import DesparkError, PipelineError
from pipelines.console.access import Access
from pipelines.console.desk import Desk
from pipelines.console.looker import Looker
from pipelines.console.views import HTML, PNG, Views
from pipelines.monitoring import BoundedHTTPServer, RequestHandler, is_own_host

logger = logging.getLogger(__name__)

MOST_FORM_BYTES = 4096

HEADERS = {
    **RequestHandler.own_headers,
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # With "no-referrer" a browser would not say the origin of the page's own forms.
    "Referrer-Policy": "same-origin",
}


class Console:
    """Serves the page in threads of its own.

    Parameters
    ----------
    address, port
        To listen on; port 0 takes one that is free.
    desk, looker
        What is shown, and where it is written down.

    Raises
    ------
    PipelineError
        Nothing can be listened on there.
    """

    def __init__(self, address: str, port: int, desk: Desk, looker: Looker) -> None:
        if not address:
            # To the system it means every address of this machine.
            raise PipelineError("console: expected an address to listen on, found none")
        if not address.isascii():
            raise PipelineError(f"console: cannot listen on {address} (expected the address or name of this machine)")
        try:
            self._server = _Server((address, port), _Handler)
        except (OSError, OverflowError) as error:
            raise PipelineError(f"console: cannot listen on {address}:{port} ({error})") from error
        self.port: int = self._server.server_port
        self._server.access = self.access = Access(self.port)
        self._server.views = Views(desk, looker, self.access.form_key)
        name = socket.gethostname() if address == "0.0.0.0" else address
        self.url = f"http://{name}:{self.port}/?key={self.access.key}"

    def __enter__(self) -> Console:
        self._server.begin("console")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.end()


class _Server(BoundedHTTPServer):
    access: Access
    views: Views


class _Handler(RequestHandler):
    server: _Server
    own_headers = HEADERS

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        """Answer with the page or a part of it."""
        self.server.is_read(self.connection)
        try:
            address = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(address.query, max_num_fields=8).items()}
        # Half an IPv6 address in the place of a path, or more fields than any page of ours has.
        except ValueError:
            self.say(HTTPStatus.BAD_REQUEST, "Expected the address of a page.")
            return
        host = self.headers.get("Host", "")
        if not is_own_host(host):
            self.say(HTTPStatus.FORBIDDEN, "This machine is not called so. Open the address that was printed.")
        elif address.path == "/" and self.server.access.opens(asked.get("key", "")):
            # The key leaves the address at once: addresses are copied, and stand in the browser's list.
            self._go_to("/", cookie=self.server.access.cookie())
        elif not self.server.access.may_see(self.headers.get("Cookie", "")):
            self.say(HTTPStatus.FORBIDDEN, "Open the address with the key that despark console has printed.")
        else:
            self._guarded(lambda: self._show(address.path, asked))

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        """Take a form."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin", "")
        length = self.headers.get("Content-Length", "")
        # By the number of digits first: turning a very long one into a number takes time by itself.
        if not length.isdecimal() or len(length) > len(str(MOST_FORM_BYTES)) or int(length) > MOST_FORM_BYTES:
            self.say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Expected a form of at most {MOST_FORM_BYTES} bytes.")
            return
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        self.server.is_read(self.connection)
        try:
            form = {name: values[-1] for name, values in parse_qs(body, max_num_fields=16).items()}
        except ValueError:
            form = {}
        access = self.server.access
        if not (
            is_own_host(host)
            and access.may_see(self.headers.get("Cookie", ""))
            and access.may_change(form.get("form_key", ""), origin, host)
        ):
            self.say(HTTPStatus.FORBIDDEN, "This form does not come from the console's own page. Load it again.")
        else:
            # What stands behind it is no business of a form.
            self._guarded(lambda: self._take(self.path.partition("?")[0], form))

    def _show(self, path: str, asked: dict[str, str]) -> None:
        found = self.server.views.show(path, asked)
        if found is not None:
            self.answer(HTTPStatus.OK, *found)
        elif path == "/favicon.ico":
            # Every browser asks for one, and complains of a page that is not there.
            self.answer(HTTPStatus.NO_CONTENT, b"", PNG)
        else:
            self.say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _take(self, path: str, form: dict[str, str]) -> None:
        target = self.server.views.take(path, form)
        if target is None:
            self.say(HTTPStatus.BAD_REQUEST, "Expected a form of this page, found something else.")
        else:
            self._go_to(target)

    def _guarded(self, do: Any) -> None:  # noqa: ANN401 - a function without arguments
        """Show a failure of ours on the page."""
        try:
            do()
        except DesparkError as error:
            try:
                page = self.server.views.page(None, str(error))
            except DesparkError:
                # The logbook itself is at fault: there is nothing to show beside that.
                self.say(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            else:
                self.answer(HTTPStatus.BAD_REQUEST, *page)
        except OSError:
            raise  # whoever asked went away
        # Whoever asked is to see that it failed, and not an answer without a word.
        except Exception:
            logger.exception("console: a request could not be answered")
            self.say(HTTPStatus.INTERNAL_SERVER_ERROR, "This failed; the log of despark console says why.")

    def _go_to(self, path: str, cookie: str = "") -> None:
        more = {"Location": path, **({"Set-Cookie": cookie} if cookie else {})}
        # 303: the browser asks for the page anew, and loading it once more does not send the form again.
        self.answer(HTTPStatus.SEE_OTHER, b"", HTML, more)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log a request for those who want all; never what is asked, as the key stands in the first one."""
        logger.debug("console: %s", re.sub(r"\?\S*", "?…", format % args))
