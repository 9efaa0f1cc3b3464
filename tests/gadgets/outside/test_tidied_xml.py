"""Documents that readers in C++ take: letters, references and encodings that XML does not have."""

import pytest

from gadgets.outside import XMLError, parse_xml, tidied
from gadgets.outside.tidied_xml import MOST_REFERENCES


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("<a>ü</a>".encode(), "ü"),
        ("<a>ü</a>".encode("latin-1"), "ü"),
        ("<a>ü</a>".encode("utf-16"), "ü"),
        ("<a>ü</a>".encode("utf-16-le"), "ü"),
        ("<a>ü</a>".encode("utf-16-be"), "ü"),
        ("<a>ü</a>".encode("utf-8-sig"), "ü"),
        (b'<?xml version="1.0" encoding="utf-8"?><a>\xfc</a>', "ü"),
        (b"<a>TE & TR &amp; &#65;&#x42;</a>", "TE & TR & AB"),
        (b"<a>&eacute;</a>", "&eacute;"),
        (b"<a>b\x00\x01\x1f&#1;&#x1F;&#xFFFF;&#55296;&#999999999;c</a>", "bc"),
        (b"<a>&#9;&#10;b&lt;</a>", "\t\nb<"),
        (b"<a>&#" + b"1" * 5000 + b";</a>", "&#" + "1" * 5000 + ";"),
    ],
)
def test_what_xml_forbids_is_left_out_and_all_else_kept(document, text):
    assert parse_xml(tidied(document)).text == text


@pytest.mark.parametrize(
    "document", [b"", b"<a>", b"<a><b></a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"\xff\xfe<", b"\0"]
)
def test_what_is_no_document_is_none_afterwards(document):
    with pytest.raises(XMLError):
        parse_xml(tidied(document))


def test_a_document_of_nothing_but_ampersands_is_not_gone_through_to_its_end():
    assert tidied(b"&" * (MOST_REFERENCES + 10)) == "&amp;" * MOST_REFERENCES + "&" * 10


def test_more_references_that_xml_has_than_are_looked_at_stay():
    many = b"<a>\x01" + b"&lt;" * (MOST_REFERENCES + 10) + b"</a>"
    assert parse_xml(tidied(many)).text == "<" * (MOST_REFERENCES + 10)
