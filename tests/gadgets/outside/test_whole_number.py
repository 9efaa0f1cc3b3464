import pytest

from gadgets.outside import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("123456789", 123456789), ("1" * 10, None), ("9" * 5000, None), ("\u00b2", None),
     ("", None), ("-1", None), ("+1", None), (" 1", None), ("1_0", None), ("1.0", None)],
)  # fmt: skip
def test_what_is_no_number_of_a_scan_is_none(text, number):
    assert whole_number(text) == number
