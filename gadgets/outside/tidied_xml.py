"""XML as the readers in C++ take it and the standard does not: made well-formed before it is read.

They let pass what stands in a protocol's name: letters of another character set than the declared one, control
characters, an ampersand by itself. Nothing of this is needed here, so it may be lost; the header goes on as it came.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

# All but tab and the two ends of a line, which XML has.
CONTROL_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# No more digits than whole_number reads: what has more is no reference, and its ampersand is one by itself.
REFERENCE = re.compile("&(?:#([0-9]{1,9})|#x([0-9a-fA-F]{1,9})|(?:amp|lt|gt|quot|apos));|&")

MOST_REFERENCES = 100_000
"""That are looked at, one by one: each of a header's bytes may be an ampersand."""


def tidied(xml: bytes) -> str:
    """Give a document as text, without what XML forbids in texts.

    Parameters
    ----------
    xml
        Of any encoding; what is neither UTF-16 nor UTF-8 is taken for Latin-1, in which everything is a letter.
    """
    return REFERENCE.sub(_allowed, CONTROL_CHARACTER.sub("", _decoded(xml)), MOST_REFERENCES)


def fits_xml(text: str) -> bool:
    """Whether all characters of a text are among those that a document can hold."""
    return NO_CHARACTER.search(text) is None


def _decoded(xml: bytes) -> str:
    # Without a mark at its beginning UTF-16 is known by the zero beside its first letter, which is a bracket.
    for is_so, encoding in (
        (xml.startswith((BOM_UTF16_LE, BOM_UTF16_BE)), "utf-16"),
        (xml[1:2] == b"\0", "utf-16-le"),
        (xml[:1] == b"\0", "utf-16-be"),
    ):
        if is_so:
            return xml.decode(encoding, errors="replace")
    # The declaration is not asked: the letters may be of another character set than it says.
    try:
        return xml.decode("utf-8-sig")
    except UnicodeDecodeError:
        return xml.decode("latin-1")


def _allowed(reference: re.Match[str]) -> str:
    """Keep a reference to a character that XML has; an ampersand by itself becomes one."""
    text, (decimal, hexadecimal) = reference.group(), reference.groups()
    if text == "&":
        return "&amp;"
    # A space in place of one that has a name, which stays.
    number = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else ord(" ")
    return text if number in (0x9, 0xA, 0xD) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE else ""
