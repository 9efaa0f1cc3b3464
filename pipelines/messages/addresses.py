"""HOST:PORT, as people write where a server is."""

from __future__ import annotations

from gadgets.errors import WireError


def parse_address(text: str, option: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; a host with colons (IPv6) stands in brackets.

    Parameters
    ----------
    text
        As it was written.
    option
        Of the command line, for the message of an error.

    Raises
    ------
    WireError
        The text is not of that form.
    """
    # From the right, because the address itself may have colons (IPv6).
    host, colon, port = text.rpartition(":")
    is_open = host.startswith("[") != host.endswith("]")
    if is_open or not colon or not host or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 1 << 16:
        raise WireError(f"{option}: expected HOST:PORT, such as localhost:9002, found {text!r}")
    return host.strip("[]"), int(port)
