"""What a client may name: the gadgets and chains of despark, and what the server's options open."""

from __future__ import annotations

import pytest
from helpers.raw_scans import chain_xml

from gadgets.errors import SettingsError, TrustError
from pipelines.chains import EVERYTHING, OURS, packaged_chain, parse_chain, trust_of
from pipelines.chains.packaged import packaged_names


def ours(name, target=None, **properties):
    listed = "".join(f'<property name="{key}" value="{value}"/>' for key, value in properties.items())
    execute = f'<execute name="gadgets.{name}" target="{target or name}" type="python"/>'
    return f"<external>{execute}<configuration>{listed}</configuration></external>"


def connect(address, port):
    return f'<external><connect address="{address}" port="{port}"/></external>'


def chain(*nodes):
    return parse_chain(chain_xml(*nodes), "a chain")


@pytest.mark.parametrize("name", packaged_names())
def test_every_chain_that_comes_with_despark_may_be_run(name):
    OURS.check_chain(packaged_chain(name))


def test_settings_without_files_and_workers_on_this_machine_may_be_named():
    OURS.check_chain(chain(ours("spark_detection", threshold="0.9", models="none"), ours("calibration", method="zero")))
    for address in ("127.0.0.1", "localhost", "::1"):
        OURS.check_chain(chain(connect(address, 9014)))


FILE = r"{}: a client may not name files of the server \(.*--allow-folder"
REFUSED = {
    "module": ('<external><execute name="os" target="abort" type="python"/></external>', "module 'os'.*--allow-module"),
    "another function of ours": (ours("raw_repair", "Path"), "module 'gadgets.raw_repair' with target 'Path'"),
    "report": (
        ours("image_fft", report="/tmp/a"),
        FILE.format("image_fft.report"),
    ),
    "models": (ours("spark_detection", models="/tmp"), "spark_detection.models: "),
    "record": (
        ours("calibration", record="/tmp/a"),
        FILE.format("calibration.record"),
    ),
    "history": (ours("spark_detection", history="a.json"), "spark_detection.history: "),
    "of a stage": (ours("raw_repair", **{"calibration.models": "/tmp"}), r"raw_repair.calibration.models: "),
    "elsewhere": (connect("192.0.2.1", 9014), "192.0.2.1:9014.*--allow-address"),
    "another port": (connect("127.0.0.1", 22), "127.0.0.1:22"),
}


@pytest.mark.parametrize(("node", "reason"), REFUSED.values(), ids=REFUSED)
def test_all_else_is_refused_with_the_option_that_would_allow_it(node, reason):
    with pytest.raises(TrustError, match=reason + ".*--trust-clients|" + reason):
        OURS.check_chain(chain(node))
    EVERYTHING.check_chain(chain(node))


def test_more_nodes_than_any_chain_has_are_refused():
    with pytest.raises(TrustError, match="expected at most 8 nodes, found 9"):
        OURS.check_chain(chain(*[ours("raw_repair")] * 9))


def test_options_open_one_by_one(tmp_path):
    trust = trust_of(["probe_gadgets"], [tmp_path], ["192.0.2.1:9014", "localhost:22"])
    trust.check_chain(chain("pass_on", ours("image_fft", report=tmp_path / "new" / "report.jsonl")))
    trust.check_chain(chain(connect("192.0.2.1", 9014), connect("127.0.0.1", 22)))
    with pytest.raises(TrustError, match="module 'os'"):
        trust.check_chain(chain(REFUSED["module"][0]))


@pytest.mark.parametrize("name", ["../report", "sub/../../report", "link/report", "/etc/passwd", "a\0b"])
def test_no_way_leads_out_of_a_folder(tmp_path, monkeypatch, name):
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    trust = trust_of(folders=[tmp_path / "allowed"])
    with pytest.raises(TrustError, match="a client may not name files of the server"):
        trust.check_settings({"report": str(tmp_path / "allowed" / name)}, "image_fft")


def test_a_client_may_repeat_what_the_server_has_set_itself():
    OURS.check_settings({"models": "/site/models"}, "spark_detection", {"models": "/site/models"})


def test_words_that_stand_for_the_servers_own_files_name_none():
    OURS.check_settings({"history": "auto"}, "spark_detection")
    OURS.check_settings({"record": "off", "report": "none"}, "calibration")


def test_options_that_are_wrong_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="--allow-folder: expected a folder, found"):
        trust_of(folders=[tmp_path / "none"])
    with pytest.raises(
        SettingsError, match="--allow-address: expected HOST:PORT, such as localhost:9002, found 'here'"
    ):
        trust_of(addresses=["here"])
