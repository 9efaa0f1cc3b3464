"""The name of a scan in the CONFIG of a node that runs elsewhere."""

from __future__ import annotations

import pytest

from gadgets.logbook import ScanName
from gadgets.settings import properties_of, sees_a_part
from pipelines.chains import DECLARATION, name_in, with_name

NAME = ScanName("scan-7", "10.0.0.3:4242")
OWN = b'<configuration><property name="report" value="&lt;r&gt;"/></configuration>'


@pytest.mark.parametrize("configuration", [OWN, DECLARATION + OWN, DECLARATION, b"<configuration/>"])
def test_it_is_read_as_it_was_written_and_the_properties_stay(configuration):
    told = with_name(configuration, NAME)
    assert name_in(told) == NAME
    assert properties_of(told, "calibration") == properties_of(configuration, "calibration")
    assert sees_a_part(told) is sees_a_part(configuration)


def test_another_name_takes_its_place():
    assert name_in(with_name(with_name(OWN, ScanName("scan-1", "x")), NAME)) == NAME


@pytest.mark.parametrize("configuration", [b"", DECLARATION, b"<configuration", OWN, b'<configuration scan="../x"/>'])
def test_where_there_is_none_none_is_found(configuration):
    assert name_in(configuration) is None


def test_what_does_not_parse_stays_as_it_is():
    assert with_name(b"<configuration", NAME) == b"<configuration"
