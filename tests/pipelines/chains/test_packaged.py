"""The chains that come with despark, beside those of a real Gadgetron."""

from __future__ import annotations

import pytest

from gadgets.errors import PipelineError
from gadgets.settings.definitions import NODE_SETTINGS, NodeSettings
from gadgets.settings.parsing import validate
from pipelines.chains.chain_node import DECLARATION, parse_node
from pipelines.chains.chain_xml import parse_chain
from pipelines.chains.packaged import CHAINS, find_chain, packaged_chain, packaged_names
from pipelines.commands.worker import BASE_PORT
from pipelines.messages.messages import MessageID
from pipelines.worker.worker import NODES

PORTS = range(BASE_PORT, BASE_PORT + len(NODES))


RAW = {MessageID.ACQUISITION, MessageID.WAVEFORM}


RUNNABLE = ["repair_raw", "spark_calibration"]


CONNECTED = "spark_calibration_connect"


FOR_GADGETRON = {
    "repair_raw_default": "the <gadget> RemoveROOversampling",
    "repair_raw_generic_grappa": "the <gadget> NoiseAdjust",
    "repair_raw_distributed": "the <distributed> AcquisitionDistributor",
}


def test_the_packaged_chains_are_those_of_the_contract():
    assert packaged_names() == sorted([*RUNNABLE, CONNECTED, *FOR_GADGETRON])
    four = find_chain("spark_calibration")
    names = ["acquisition_buffer", "spark_detection", "calibration", "image_fft"]
    assert [(node.module, node.target) for node in four.nodes] == [(f"gadgets.{name}", name) for name in names]
    assert (four.reads, four.writes) == (RAW, {MessageID.IMAGE})
    drop_in = find_chain("repair_raw")
    assert [node.name for node in drop_in.nodes] == ["raw_repair"]
    assert (drop_in.reads, drop_in.writes) == (RAW, RAW)


@pytest.mark.parametrize("name", RUNNABLE)
def test_packaged_chains_can_be_run_here(name):
    chain = packaged_chain(f"{name}.xml")
    chain.check_runnable()
    chain.check_settings()
    assert all(node.is_ours and node.configuration == DECLARATION + b"<configuration />\n" for node in chain.nodes)


@pytest.mark.parametrize("name", packaged_names())
def test_packaged_chains_say_what_they_are_for_and_who_can_run_them(name):
    content = (CHAINS / f"{name}.xml").read_text(encoding="utf-8")
    assert content.split("<!--\n", 1)[1].startswith(f"  {name}: ")
    chain = packaged_chain(name)
    assert chain.root.findtext("version") == "2"
    for external in chain.root.iter("external"):
        node = parse_node(external, name)
        assert node.is_ours or node.address in {(host, port) for host in ("127.0.0.1", "localhost") for port in PORTS}
        validate(node.properties, NODE_SETTINGS.get(node.name, NodeSettings), node.name)


@pytest.mark.parametrize(("name", "part"), FOR_GADGETRON.items())
def test_a_chain_for_a_real_gadgetron_is_refused_here_and_sent_there(name, part):
    chain = packaged_chain(name)
    with pytest.raises(PipelineError, match=f"{name}: only a Gadgetron can run {part}"):
        chain.check_runnable()
    chain.check_settings()
    assert parse_chain(chain.xml, name).obstacles == chain.obstacles


@pytest.mark.parametrize("name", FOR_GADGETRON)
def test_despark_stands_first_in_a_chain_for_a_real_gadgetron(name):
    root = packaged_chain(name).root
    stream = root.find("stream/distributed/stream")
    stream = root.find("stream") if stream is None else stream
    assert [element.tag for element in stream].index("external") == 0
    assert [element.tag for element in stream].count("external") == 1


def test_an_external_in_a_distributed_block_relies_on_nothing_that_a_gadgetron_drops():
    (external,) = packaged_chain("repair_raw_distributed").root.iter("external")
    assert [dict(element.attrib) for element in external] == [{"port": str(PORTS[-1])}, {}]
    assert not list(external.find("configuration"))


def test_the_connected_nodes_are_those_that_the_worker_serves_in_their_order():
    assert [node.address[1] for node in packaged_chain(CONNECTED).nodes] == list(PORTS[:4])
    assert list(NODES) == [*(node.name for node in packaged_chain("spark_calibration").nodes), "raw_repair"]
    packaged_chain(CONNECTED).check_runnable()


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("spark_calibration", "h_four_node_chain"),
        ("repair_raw", "w2_waveform_to_client"),
        ("repair_raw_default", "t02_config_local_plain"),
        ("repair_raw_generic_grappa", "t02_config_local_plain"),
        ("repair_raw_distributed", "dist_plain"),
    ],
)
def test_packaged_chains_name_the_libraries_of_a_real_gadgetron(transcripts_folder, name, case):
    recorded = find_chain(str(transcripts_folder / "xml" / f"{case}.xml")).root
    root = packaged_chain(name).root
    assert {element.text for element in root.iter("dll")} <= {element.text for element in recorded.iter("dll")}


@pytest.mark.parametrize(
    ("name", "case"), [("repair_raw_default", "t02_config_local_plain"), ("repair_raw_distributed", "dist_plain")]
)
def test_gadgets_and_their_properties_are_those_of_chains_that_a_real_gadgetron_ran(transcripts_folder, name, case):
    def gadgets(chain):
        return [
            (
                element.findtext("classname"),
                {(item.get("name"), item.get("value")) for item in element.iter("property")},
            )
            for element in chain.root.iter()
            if element.tag in ("gadget", "distributor", "reader", "writer")
        ]

    recorded = gadgets(find_chain(str(transcripts_folder / "xml" / f"{case}.xml")))
    # The stock default chain has no noise adjustment.
    assert gadgets(packaged_chain(name)) == [gadget for gadget in recorded if gadget[0] != "NoiseAdjustGadget"]


def test_readers_and_writers_are_written_as_in_a_recorded_chain(transcripts_folder):
    recorded = find_chain(str(transcripts_folder / "xml" / "h_four_node_chain.xml"))
    four = packaged_chain("spark_calibration")
    for tag in ("readers", "writers"):
        ours, theirs = (chain.root.find(tag) for chain in (four, recorded))
        assert [text.strip() for text in ours.itertext() if text.strip()] == list(filter(str.strip, theirs.itertext()))
