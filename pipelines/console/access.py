"""Who may see the console, and who may change something: a key in the address, then a cookie, then a key per form."""

from __future__ import annotations

import secrets


class Access:
    """The keys of one console, new with each start.

    Parameters
    ----------
    port
        On which it listens. Cookies know no ports, so the cookie's name does.
    """

    def __init__(self, port: int) -> None:
        self.key = secrets.token_urlsafe(24)
        """Stands in the address that is printed, and then in the cookie."""
        self.form_key = secrets.token_urlsafe(24)
        """Stands in the forms of the page, where no other page can read it."""
        self._cookie = f"despark_console_{port}"

    def cookie(self) -> str:
        """Give the ``Set-Cookie`` that lets a browser in; it is sent with no request that another page began."""
        return f"{self._cookie}={self.key}; Path=/; HttpOnly; SameSite=Strict"

    def opens(self, key: str) -> bool:
        """Whether this is the key."""
        # In constant time: how long a comparison takes must not tell how much of a guess was right.
        return secrets.compare_digest(key.encode(), self.key.encode())

    def may_see(self, cookies: str) -> bool:
        """Whether a request with this ``Cookie`` header has the key."""
        # By hand: some libraries of Python take a minute over what a visitor without the key may send.
        pairs = (each.strip().partition("=") for each in cookies.split(";"))
        return any(name == self._cookie and self.opens(value) for name, _, value in pairs)

    def may_change(self, form_key: str, origin: str, host: str) -> bool:
        """Whether a form came from the console's own page; `origin` is empty where the browser does not say it."""
        # Some requests have no origin; then the key of the form, which no other page can read, decides alone.
        is_own = origin in ("", f"http://{host}", f"https://{host}")
        return is_own and secrets.compare_digest(form_key.encode(), self.form_key.encode())
