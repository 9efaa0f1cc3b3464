"""Errors: why something failed, in words."""

import pytest

from gadgets.errors import RawDataError, in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [(RawDataError("no samples"), "no samples"), (MemoryError(), "MemoryError"), (ValueError(""), "ValueError")],
)
def test_a_failure_without_words_is_named_by_its_kind(error, words):
    assert in_words(error) == words
