"""The catalogue of bad input (bad_input.yaml), through every door: each case has its answer, in one line, at once."""

from __future__ import annotations

import json

import pytest
from helpers.builders import CLOSE, acquisition, configuration, encoding, stream
from helpers.catalogue.bad_input import (
    CATALOGUE,
    cases,
    check,
    make_image_file,
    said,
    said_by,
    spoil,
    spoil_models,
    with_odd_one,
)
from helpers.connections import filter_through
from helpers.raw_scans import HEADER, converse, make_raw_file, raw_waveform, scan_bytes, scan_items

from gadgets.errors import DesparkError
from gadgets.findings import ScanFacts
from gadgets.raw_repair import open_stage
from gadgets.settings import RawRepairSettings
from pipelines.chains import find_chain, packaged_chain
from pipelines.files import RawFile, open_images, read_kspaces
from pipelines.host import Host
from pipelines.messages import MessageID, text_message
from pipelines.replay import MessageStream, Replay, open_models, run_stream
from pipelines.worker import Worker, worker_settings

# The parser's own complaint, which is an error in tests alone.
pytestmark = pytest.mark.filterwarnings("ignore:Failed to convert value")

NO_SEARCH = ("spark_detection.method=none",)
DROP_IN = packaged_chain("repair_raw").with_settings(NO_SEARCH)
NODE = '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/></external>'


@pytest.fixture(scope="module")
def host():
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def worker():
    with Worker({"raw_repair": 0}) as running:
        yield running.addresses["raw_repair"]


@pytest.fixture(scope="module")
def warm():
    return open_models(DROP_IN)


def as_worker_stream(header=HEADER, data=b"", close=CLOSE):
    config = configuration(**{"spark_detection.method": "none", "calibration.record": "off"})
    return stream([], header, config, close=b"") + data + close


def through_stream(content, warm):
    _, failure = filter_through(content, lambda source, sink: run_stream(MessageStream(source, sink), DROP_IN, warm))
    return "taken" if failure is None else str(failure)


def test_the_catalogue_is_as_large_as_it_is_said_to_be():
    assert sum(map(len, CATALOGUE.values())) >= 100


@cases("header")
def test_headers(case, tmp_path, host, worker, warm):
    _, old, new, answer = case
    header = new.encode() if old == "ALL" else HEADER.replace(old.encode(), new.encode())
    assert header != HEADER
    if b"\0" not in header:
        # Which no text in HDF5 can hold.
        raw = make_raw_file(tmp_path / "raw.h5", header=header)
        check(said(lambda: RawFile(raw)), answer, "replay")
    check(said_by(converse(worker, as_worker_stream(header))), answer, "worker")
    content = bytes(text_message(MessageID.HEADER, header).data) + CLOSE
    check(through_stream(content, warm), answer, "stream")
    # What is taken would start a node; that is for other tests.
    if answer != "taken":
        check(said_by(converse(host.address, scan_bytes(DROP_IN.xml, header=header))), answer, "serve")


@cases("configuration")
def test_configurations(case, tmp_path, host):
    _, chain, answer = case
    xml = chain.replace("NODE", NODE).encode()
    file, raw = tmp_path / "chain.xml", make_raw_file(tmp_path / "raw.h5")
    file.write_bytes(xml)
    check(said(Replay(raw, tmp_path / "o.h5", str(file)).run), answer, "replay")
    check(said(lambda: open_models(find_chain(str(file)))), answer, "stream")
    check(said_by(converse(host.address, scan_bytes(xml))), answer, "serve")


@cases("settings")
def test_settings(case, tmp_path, host):
    _, assignment, answer = case
    raw = make_raw_file(tmp_path / "raw.h5")
    check(said(Replay(raw, tmp_path / "o.h5", "repair_raw", settings=(assignment,)).run), answer, "replay")
    name, equals, value = assignment.partition("=")
    if equals and name.partition(".")[0] != "a":
        chain = packaged_chain("repair_raw")
        chain.set_property(*name.split(".", 1), value)
        check(said_by(converse(host.address, scan_bytes(chain.xml))), answer, "serve")
        variable = f"DESPARK_{name.replace('.', '_').upper()}"
        check(said(lambda: worker_settings(None, {variable: value})), answer, "worker")


@cases("acquisitions")
def test_acquisitions(case, worker, warm):
    _, fields, more, answer = case
    data, close = with_odd_one(fields, more)
    got = converse(worker, as_worker_stream(data=data, close=close), half_close=not close)
    check(said_by(got), answer, "worker")
    if answer == "taken":
        # Every byte comes back, that of the odd one too.
        assert b"".join(bytes(each.data) for each in got[:-1]) == data
    opening = bytes(text_message(MessageID.HEADER, HEADER).data)
    check(through_stream(opening + data + close, warm), answer, "stream")


@cases("raw_file")
def test_raw_files(case, tmp_path):
    _, operation, arguments, answer = case
    path = spoil(make_raw_file(tmp_path / "raw.h5", [*scan_items(), raw_waveform()]), operation, arguments)
    check(said(Replay(path, tmp_path / "o.h5", "repair_raw", settings=NO_SEARCH).run), answer, "replay")
    check(said(lambda: list(read_kspaces(path))), answer, "accept")


@cases("image_file")
def test_image_files(case, tmp_path):
    _, operation, arguments, answer = case
    path = tmp_path / "images.h5"
    spoil(make_image_file(path), operation, arguments)

    def look():
        # A series that is none is left out, and `despark image` says that nothing is left.
        if not open_images(path, "images", is_volume=False).images:
            raise DesparkError("expected images, found none")

    check(said(look), answer, "image")


@cases("models")
def test_models(case, tmp_path):
    _, operation, arguments, answer = case
    models = tmp_path / "models"
    models.mkdir()
    folder = spoil_models(models, operation, arguments)
    raw = make_raw_file(tmp_path / "raw.h5")
    chosen = (f"spark_detection.models={folder}", "spark_detection.provider=cpu")
    check(said(Replay(raw, tmp_path / "o.h5", "repair_raw", settings=chosen).run), answer, "replay")
    settings = {"spark_detection.models": str(folder), "spark_detection.provider": "cpu"}
    check(said(lambda: Worker({"raw_repair": 0}, settings={"raw_repair": settings})), answer, "worker")
    # Within a scan the same costs judgement, and no readout.
    options = {"report": tmp_path / "r", "spark_detection": {"models": folder, "provider": "cpu"}}
    options["calibration"] = {"record": "off"}
    lines = [acquisition(line) for line in range(8)]
    stage = open_stage(RawRepairSettings.model_validate(options), (encoding(),), ScanFacts())
    assert list(stage(lines)) == lines
    (record,) = [line for line in (tmp_path / "r").read_text().splitlines() if '"spark_detection"' in line]
    check(json.loads(record)["warning"], f"passed on unjudged: .*({answer})", "node")
