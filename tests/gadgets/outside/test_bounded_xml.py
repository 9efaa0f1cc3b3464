"""XML from outside: what is read, and what is refused before a tree is built of it."""

from __future__ import annotations

import time

import pytest

from gadgets.outside import MAX_XML_BYTES, XMLError, parse_xml

LAUGHS = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
ATTRIBUTES = b" ".join(b"a%d='1'" % number for number in range(100))

BEYOND = {
    "deep": (b"<a>" * 200_000 + b"</a>" * 200_000, "at most 64 elements inside one another"),
    "many": (b"<a>" + b"<b/>" * 3_000_000 + b"</a>", "at most 50000 elements"),
    "attributes": (b"<a " + ATTRIBUTES + b"/>", "at most 64 attributes in one element"),
    "name": (b"<" + b"a" * 300 + b"/>", "at most 256 characters in a name"),
    "name of an attribute": (b"<a " + b"b" * 300 + b"='1'/>", "at most 256 characters in a name"),
    "attribute": (b"<a b='" + b"x" * 70_000 + b"'/>", "at most 65536 characters in an attribute"),
    "comments": (b"<a>" + b"<!---->" * 1_000_000 + b"</a>", "at most 50000 elements"),
    "instructions": (b"<a>" + b"<?b c?>" * 1_000_000 + b"</a>", "at most 50000 elements"),
    # For each of these the parser itself needs a minute.
    **{
        f"a long {name}": (begin + b" " * (15 << 20) + end, "at most 1048576 bytes in a tag or comment")
        for name, begin, end in (
            ("comment", b"<a><!--", b"--></a>"),
            ("instruction", b"<a><?b ", b"?></a>"),
            ("tag", b"<a", b"/>"),
            ("end", b"<a></a", b">"),
            ("value", b"<a b='", b"'/>"),
            ("declaration", b"<?xml version='1.0' ", b"?><a/>"),
        )
    },
    "long": (b"<a>" + b"x" * MAX_XML_BYTES + b"</a>", f"at most {MAX_XML_BYTES} bytes"),
}
NOT_WELL_FORMED = {
    "nothing": b"",
    "entities": LAUGHS,
    "external": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "an attribute in every element": b"<!DOCTYPE a [<!ATTLIST b c CDATA '%b'>]><a>%b</a>"
    % (b"x" * 1_000_000, b"<b/>" * 40_000),
    "a declaration from elsewhere": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    "cut": b"<a><b>",
    "encoding": b"<?xml version='1.0' encoding='none'?><a/>",
    "half a character": b"<a>\xff</a>",
}


@pytest.mark.parametrize(("xml", "reason"), BEYOND.values(), ids=BEYOND)
def test_what_is_too_large_is_refused_before_it_is_built(xml, reason):
    start = time.process_time()
    with pytest.raises(XMLError, match=f"larger than XML from outside may be .expected {reason}, found"):
        parse_xml(xml)
    assert time.process_time() - start < 5


def test_text_may_be_long_and_hold_comments():
    long = "x" * (5 << 20)
    assert parse_xml(f"<a>{long}<!-- {long[:99999]} --><b/></a>").text == long


@pytest.mark.parametrize("xml", NOT_WELL_FORMED.values(), ids=NOT_WELL_FORMED)
def test_what_is_no_document_is_refused(xml):
    with pytest.raises(XMLError, match="not well-formed XML"):
        parse_xml(xml)


@pytest.mark.parametrize(
    "xml",
    [
        b"<!DOCTYPE TOK><a/>",
        b"<!DOCTYPE a [<!ENTITY b 'TOK'>]><a>&b;</a>",
        b"<?xml version='1.0' encoding='TOK'?><a/>",
        b"<a>&TOK;</a>",
        b"<a><b></TOK></a>",
        b"<TOK:a/>",
        b"<a TOK='1' TOK='2'/>",
    ],
)
def test_what_is_wrong_is_said_without_what_stands_there(xml):
    """It may be a name: a broken header of a patient ends in the log of a server."""
    with pytest.raises(XMLError) as refused:
        parse_xml(xml)
    assert "TOK" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "xml",
    [
        "\0 <a>\u00fc</a>\n\0",
        "<a>\u00fc</a>".encode(),
        "<?xml version='1.0' encoding='latin-1'?><a>\u00fc</a>".encode("latin-1"),
    ],
)
def test_documents_are_read_in_any_encoding_and_with_zeros_around(xml):
    assert parse_xml(xml).text == "\u00fc"


def test_a_text_is_read_whatever_its_declaration_says_of_an_encoding():
    assert parse_xml("<?xml version='1.0' encoding='latin-1'?><a>\u00fc</a>").text == "\u00fc"
