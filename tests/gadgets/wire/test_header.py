"""Encodings and limits of a header."""

import pytest
from helpers.builders import encoding, header_xml
from ismrmrd import xsd

from gadgets.findings import ScanFacts
from gadgets.kspace.readout import Limits
from gadgets.wire import encodings_of, facts_of


def test_the_header_gives_its_encodings():
    expected = [encoding(n_lines=8, acceleration=2), encoding(n_lines=6, n_partitions=4, trajectory="radial")]
    assert encodings_of(xsd.CreateFromDocument(header_xml(expected))) == tuple(expected)


def test_limits_that_the_header_lacks_come_from_the_matrix():
    text = header_xml([encoding(n_lines=9)])
    start, end = text.index(b"<kspace_encoding_step_1><min"), text.index(b"</encodingLimits>")
    (found,) = encodings_of(xsd.CreateFromDocument(text[:start] + text[end:]))
    assert found.lines == Limits(0, 4, 8)
    assert found.partitions == Limits(0, 0, 0)


@pytest.mark.parametrize(("trajectory", "last"), [("cartesian", 8), ("epi", 8), ("radial", 999)])
def test_spokes_may_be_more_than_the_matrix_has_lines(trajectory, last):
    text = header_xml([encoding(n_lines=9, trajectory=trajectory)]).replace(b"<maximum>8<", b"<maximum>999<")
    (found,) = encodings_of(xsd.CreateFromDocument(text))
    assert found.lines == Limits(0, 4, last)


def facts_with(system="", measurement=""):
    """What a header says with these parts in front of its encodings."""
    text = header_xml([encoding()]).decode()
    parts = [
        f"<measurementInformation>{measurement}</measurementInformation>" if measurement else "",
        f"<acquisitionSystemInformation>{system}</acquisitionSystemInformation>" if system else "",
    ]
    mark = "<experimentalConditions>"
    return facts_of(xsd.CreateFromDocument(text.replace(mark, "".join(parts) + mark).encode()))


def test_a_header_that_says_nothing_gives_no_facts():
    assert facts_with() == ScanFacts()


def test_the_header_gives_names_and_the_length_of_a_tick():
    labels = "".join(
        f"<coilLabel><coilNumber>{number}</coilNumber><coilName>{name}</coilName></coilLabel>"
        for number, name in ((2, "HEA;HE3"), (0, "HEA;HE1"))
    )
    system = "<systemVendor>Siemens Healthineers</systemVendor><systemModel>Prisma</systemModel>"
    system += f"<systemFieldStrength_T>2.89</systemFieldStrength_T>{labels}<stationName>MR1</stationName>"
    measurement = "<patientPosition>HFS</patientPosition><protocolName>ep2d_bold</protocolName>"
    facts = facts_with(system, measurement)
    assert (facts.protocol, facts.station, facts.system, facts.field_t) == ("ep2d_bold", "MR1", "Prisma", 2.89)
    assert facts.coils == ("HEA;HE1", "", "HEA;HE3")
    assert (facts.tick_s, facts.is_clock) == (0.0025, True)


def test_a_number_that_no_receiver_has_is_not_believed():
    labels = "<coilLabel><coilNumber>65000</coilNumber><coilName>X</coilName></coilLabel>"
    assert facts_with(f"<systemVendor>GE</systemVendor>{labels}").coils == ("X",)
    assert facts_with("<systemVendor>GE</systemVendor>").tick_s is None
    own = facts_with("<systemVendor>despark</systemVendor>")
    assert (own.tick_s, own.is_clock) == (0.0025, False)


def test_names_are_bounded_and_can_be_shown():
    long = "P" * 10**6
    system = f"<systemVendor>{long}</systemVendor><stationName>a&#x9;b&#x85;c</stationName>"
    labels = "".join(
        f"<coilLabel><coilNumber>{n}</coilNumber><coilName>{long}</coilName></coilLabel>" for n in range(3)
    )
    about = f"<acquisitionSystemInformation>{system}{labels}</acquisitionSystemInformation>"
    header = header_xml([encoding()]).replace(b"<experimentalConditions>", about.encode() + b"<experimentalConditions>")
    facts = facts_of(xsd.CreateFromDocument(header))
    assert len(facts.model_dump_json()) < 2000
    assert facts.vendor.startswith("PPP")
    assert facts.station.isprintable()


def test_no_more_receivers_are_named_than_a_scanner_has():
    labels = "".join(
        f"<coilLabel><coilNumber>{n}</coilNumber><coilName>{n}</coilName></coilLabel>" for n in range(2000)
    )
    assert len(facts_with(labels).coils) == 1024
