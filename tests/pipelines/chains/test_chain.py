"""Chains: found, parsed, given settings, and told apart from what only a Gadgetron can run."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from helpers.raw_scans import chain_xml

from gadgets.errors import PipelineError, SettingsError
from pipelines.chains.chain_xml import parse_chain
from pipelines.chains.packaged import CHAINS, find_chain, packaged_chain

"""Chains that only a Gadgetron can run, and the first of the parts for which that is so."""


def test_a_configuration_is_what_gadgetron_sends(transcripts_folder):
    chain = find_chain(str(transcripts_folder / "xml" / "f_configuration_xml.xml"))
    name = "f_configuration_xml.ext_gtprobe.envdump.server_to_external.bin"
    recorded = (transcripts_folder / name).read_bytes()[6:175]
    ours = chain.nodes[0].configuration

    def canonical(text):
        return ElementTree.canonicalize(text.decode(), strip_text=True)

    assert canonical(ours) == canonical(recorded)
    assert ours.startswith(b'<?xml version="1.0"?>\n<configuration>')


def test_without_a_configuration_only_the_declaration_is_sent():
    assert parse_chain(chain_xml("pass_on"), "here").nodes[0].configuration == b'<?xml version="1.0"?>\n'


@pytest.mark.parametrize("place", ["<external>", "<configuration><property"])
def test_a_namespace_hides_no_setting(place):
    xml = chain_xml(
        '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/>'
        '<configuration><property name="mark_user_int" value="3"/></configuration></external>'
    ).decode()
    assert place in xml
    named = place.replace(">", ' xmlns="urn:any">', 1)
    (node,) = parse_chain(xml.replace(place, named).encode(), "a chain").nodes
    assert node.properties == {"mark_user_int": "3"}


def test_a_setting_goes_to_its_node():
    chain = find_chain("spark_calibration").with_settings(
        ["spark_detection.threshold=0.9", "calibration.method=zero", "calibration.method=conjugate"]
    )
    settings = {node.name: node.properties for node in chain.nodes}
    assert settings["spark_detection"] == {"threshold": "0.9"}
    assert settings["calibration"] == {"method": "conjugate"}
    assert settings["image_fft"] == {}
    assert parse_chain(chain.xml, "sent").nodes[1].properties == {"threshold": "0.9"}
    assert find_chain("spark_calibration").nodes[1].properties == {}


def test_the_same_settings_work_for_the_drop_in():
    chain = find_chain("repair_raw").with_settings(["spark_detection.threshold=0.9", "raw_repair.report=/tmp/r"])
    assert chain.nodes[0].properties == {"spark_detection.threshold": "0.9", "report": "/tmp/r"}


@pytest.mark.parametrize(
    ("pipeline", "assignment", "reason"),
    [
        ("spark_calibration", "threshold=0.9", "expected NODE.PROPERTY=VALUE, found 'threshold=0.9'"),
        ("spark_calibration", "spark_detection.threshold", "expected NODE.PROPERTY=VALUE"),
        ("spark_calibration", "spark_detection.report=a\x01", r"expected .* characters that XML has, found .*a\\x01'"),
        ("spark_calibration", "raw_repair.report=x", "no node 'raw_repair'.*known: acquisition_buffer, spark_det"),
        ("repair_raw", "image_fft.report=x", "no node 'image_fft'.*known: raw_repair, acquisition_buffer"),
        ("spark_calibration", "spark_detection.sharpness=1", "unknown property 'sharpness'"),
        ("spark_calibration", "spark_detection.threshold=high", "threshold: .*found 'high'"),
        ("spark_calibration", "calibration.method=best", "calibration.method: .*found 'best'"),
        ("repair_raw", "spark_detection.sharpness=1", "unknown property 'spark_detection.sharpness'"),
        ("repair_raw", "calibration.method=best", "calibration.method: .*found 'best'"),
    ],
)
def test_a_wrong_setting_is_refused(pipeline, assignment, reason):
    with pytest.raises(SettingsError, match=reason):
        find_chain(pipeline).with_settings([assignment])


def test_a_wrong_setting_in_a_file_is_refused(tmp_path):
    path = tmp_path / "chain.xml"
    property_ = '<configuration><property name="sharpness" value="1"/></configuration>'
    path.write_bytes(chain_xml("spark_detection", module="gadgets.spark_detection", configuration=property_))
    with pytest.raises(SettingsError, match="unknown property 'sharpness'"):
        find_chain(str(path)).check_settings()


@pytest.mark.parametrize(
    ("module", "target"), [("gadgets.raw_repiar", "raw_repair"), ("gadgets.raw_repair", "raw_repar")]
)
def test_a_gadget_that_is_not_there_is_told_before_a_gadgetron_says_nothing(module, target):
    chain = parse_chain(chain_xml(target, module=module), "my.xml")
    with pytest.raises(
        SettingsError, match=rf"my.xml: .* found module '{module}' with target '{target}', did you mean"
    ):
        chain.with_settings(())


def test_a_setting_takes_the_place_of_all_that_say_the_same():
    twice = "".join(f'<property name="threshold" value="{value}"/>' for value in (0.6, 0.7))
    xml = chain_xml(
        "spark_detection", module="gadgets.spark_detection", configuration=f"<configuration>{twice}</configuration>"
    )
    changed = parse_chain(xml, "here").with_settings(["spark_detection.threshold=0.9"])
    assert changed.nodes[0].properties == {"threshold": "0.9"}


def test_nodes_of_others_take_any_property():
    chain = parse_chain(chain_xml("pass_on"), "here").with_settings(["probe_gadgets.anything=1"])
    assert b'<property name="anything" value="1" />' in chain.nodes[0].configuration


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(PipelineError, match=r"unknown pipeline 'nope' \(known: repair_raw, spark_calibration"):
        find_chain("nope")
    with pytest.raises(PipelineError, match="for a real Gadgetron: repair_raw_default, repair_raw_distributed, rep"):
        find_chain("nope")
    with pytest.raises(PipelineError, match=r"unknown pipeline '\.\./\.\./etc/passwd'"):
        packaged_chain("../../etc/passwd")


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("t02_config_local_plain", "the <gadget> RemoveROOversamplingGadget"),
        ("p_parallel_external", "the <parallel>"),
        ("dist_ext_conf", "the <distributed>"),
        ("e7_gadget_dll_missing", "the <gadget> NoSuchGadget"),
    ],
)
def test_what_only_a_gadgetron_can_run_is_named(transcripts_folder, case, part):
    chain = find_chain(str(transcripts_folder / "xml" / f"{case}.xml"))
    with pytest.raises(PipelineError, match=f"only a Gadgetron can run .*{part}"):
        chain.check_runnable()


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"<configuration>", "not well-formed XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><configuration><stream>&b;</stream></configuration>', "not well-formed XML"),
        (b"<gadgetronStreamConfiguration/>", "found <gadgetronStreamConfiguration>"),
        (b"<configuration/>", "with a <stream>, found <configuration> without one"),
        (chain_xml("<external/>"), "expected <execute> or <connect"),
        (
            chain_xml('<external><execute name="a" target="b"/><connect port="1"/></external>'),
            "expected <execute> or <connect> in <external>, found both",
        ),
        (chain_xml('<external><connect port="x"/></external>'), "found port 'x'"),
        (chain_xml('<external><execute name="a"/></external>'), "found name 'a', target ''"),
    ],
)
def test_a_file_that_is_no_chain_is_refused(xml, reason):
    with pytest.raises(PipelineError, match=reason):
        parse_chain(xml, "here")


def test_of_thousands_of_obstacles_the_first_are_named():
    xml = f"<configuration><stream>{'<gadget><name>a</name></gadget>' * 9000}</stream></configuration>"
    with pytest.raises(PipelineError, match=r"and 8980 more$"):
        parse_chain(xml.encode(), "long").check_runnable()


@pytest.mark.parametrize("port", ["0" * 5000 + "9010", "-1", "65536", "1e3", ""])
def test_a_port_that_is_none_is_refused(port):
    xml = f'<configuration><stream><external><connect port="{port}"/></external></stream></configuration>'
    with pytest.raises(PipelineError, match="expected <execute> or <connect port=…>"):
        parse_chain(xml.encode(), "chain")


def test_obstacles_are_found_one_by_one():
    with pytest.raises(PipelineError, match="the chain has no nodes"):
        parse_chain(chain_xml(), "here").check_runnable()
    with pytest.raises(PipelineError, match="reader or writer SpecialWriter"):
        parse_chain(chain_xml("pass_on", writes=("SpecialWriter",)), "here").check_runnable()
    matlab = '<external><execute name="a" target="b" type="matlab"/></external>'
    with pytest.raises(PipelineError, match="the node a, which is not Python"):
        parse_chain(chain_xml(matlab), "here").check_runnable()


def test_a_node_to_connect_to_has_the_address_as_its_name():
    node = parse_chain(chain_xml('<external><connect port="9100"/><configuration/></external>'), "here").nodes[0]
    assert (node.name, node.address) == ("localhost:9100", ("localhost", 9100))


@pytest.mark.parametrize(
    ("name", "writer", "needed"),
    [("repair_raw", b"AcquisitionWriter", "acquisitions"), ("spark_calibration", b"ImageWriter", "images")],
)
def test_what_the_last_node_gives_needs_its_writer(name, writer, needed):
    xml = (CHAINS / f"{name}.xml").read_bytes()
    parse_chain(xml, "x").check_writers()
    with pytest.raises(PipelineError, match=rf"x: .*, the last node, gives {needed}, which have no writer; expected"):
        parse_chain(xml.replace(writer, b"WaveformWriter"), "x").check_runnable()
