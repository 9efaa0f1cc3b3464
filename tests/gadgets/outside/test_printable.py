"""Text from outside, as it may be shown."""

from hypothesis import given
from hypothesis import strategies as st

from gadgets.outside import printable


@given(st.text())
def test_whatever_comes_becomes_one_line_without_control_characters(text):
    assert printable(text).isprintable()


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=50))
def test_what_can_be_seen_stays_as_it_is(text):
    assert printable(text) == text


def test_escapes_are_shown_and_lines_kept_where_asked_for():
    assert printable("a\x1b[2Jb\nc\u202e\x9b") == r"a\x1b[2Jb\nc\u202e\x9b"
    assert printable("a\nb\x07", keep="\n") == "a\nb\\x07"


def test_what_is_too_long_is_shortened():
    assert printable("x" * 10_000_000) == "x" * 4000 + " … (10000000 characters)"
