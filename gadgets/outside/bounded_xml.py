"""XML that came from outside: read only as far as it is of a size that a header or a configuration can have.

Whoever connects may send it. A few bytes can ask for much: elements inside elements for the stack of whoever walks
through the tree, entities for memory. So everything is counted while it is read, before it is part of a tree.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat.errors import messages

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

MAX_XML_BYTES = 16 << 20
"""A header with a vendor's own protocol in it has a few megabytes."""

# The real headers at hand have 85 to 178 elements, 5 deep, and no attributes.
MAX_ELEMENTS = 50_000
MAX_DEPTH = 64
MAX_ATTRIBUTES = 64
MAX_NAME = 256
MAX_VALUE = 1 << 16
MAX_MARKUP_BYTES = 1 << 20
"""Of one tag or comment. Of one that has no end yet the parser reads all anew with each piece that comes: its time
grows with the square of the length."""

_PIECE_BYTES = 1 << 16


class XMLError(ValueError):
    """What a document is instead of one that can be read: not well-formed, or larger than any that is meant."""


def parse_xml(xml: bytes | str) -> Element:
    """Read a document from outside.

    Parameters
    ----------
    xml
        The document; zeros and white space around it do not count.

    Raises
    ------
    XMLError
        It is not well-formed, brings declarations of its own (a DTD), or has too many bytes, elements, attributes or
        levels.
    """
    content = xml.strip("\0 \t\r\n").encode() if isinstance(xml, str) else xml.strip(b"\0 \t\r\n")
    if len(content) > MAX_XML_BYTES:
        raise _beyond("bytes", len(content), MAX_XML_BYTES)
    # A text was decoded by whoever had it: what its declaration says of an encoding no longer holds. No DTD: an
    # attribute that one declares once is in every element, and nothing that is meant has any.
    encoding = "utf-8" if isinstance(xml, str) else None
    parser = DefusedXMLParser(target=_Counted(), encoding=encoding, forbid_dtd=True)
    try:
        for start in range(0, len(content), _PIECE_BYTES):
            # In pieces, as the parser takes one whole before the bounds are looked at.
            parser.feed(content[start : start + _PIECE_BYTES])
            open_bytes = start - parser.parser.CurrentByteIndex
            if open_bytes > MAX_MARKUP_BYTES:
                raise _beyond("bytes in a tag or comment", open_bytes, MAX_MARKUP_BYTES)
        root: Element = parser.close()
    except XMLError:
        raise
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # None: an error of the library that is told with it would quote what stands there, a patient's name perhaps.
        raise XMLError(f"not well-formed XML ({_unquoted(error)})") from None
    return root


def name_of(element: Element) -> str:
    """Give an element's name without its namespace: a Gadgetron knows none, and tools use prefixes of their own."""
    return element.tag.rpartition("}")[2]


def _unquoted(error: Exception) -> str:
    """Say what is wrong, and where, with nothing of the document's own."""
    if isinstance(error, ParseError):
        line, column = error.position
        return f"{messages.get(error.code, 'damaged')}: line {line}, column {column}"
    if isinstance(error, DefusedXmlException):
        return "it brings declarations of its own"
    return "it is in an encoding that is not known here"


def _beyond(what: str, found: int, most: int) -> XMLError:
    return XMLError(f"larger than XML from outside may be (expected at most {most} {what}, found {found} or more)")


class _Counted(TreeBuilder):
    """Builds the tree, and ends the reading where a bound is passed."""

    def __init__(self) -> None:
        super().__init__()
        self._n_elements = 0
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._count()
        self._depth += 1
        for name, found, most in (
            ("elements inside one another", self._depth, MAX_DEPTH),
            ("attributes in one element", len(attrs), MAX_ATTRIBUTES),
            ("characters in a name", max(map(len, (tag, *attrs))), MAX_NAME),
            ("characters in an attribute", max(map(len, attrs.values()), default=0), MAX_VALUE),
        ):
            if found > most:
                raise _beyond(name, found, most)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)

    def comment(self, _text: str | None, /) -> None:  # type: ignore[override]
        """Leave a comment out of the tree, and count it as what takes as long."""
        self._count()

    def pi(self, _target: str, _text: str | None = None, /) -> None:  # type: ignore[override]
        """Leave a processing instruction out as well."""
        self._count()

    def _count(self) -> None:
        self._n_elements += 1
        if self._n_elements > MAX_ELEMENTS:
            raise _beyond("elements", self._n_elements, MAX_ELEMENTS)
