"""The catalogue of bad input (bad_input.yaml), through every door: each case has its answer, in one line, at once."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from helpers.builders import CLOSE, acquisition, configuration, encoding, message, stream
from helpers.connections import filter_through
from helpers.raw_scans import HEADER, converse, make_raw_file, raw_waveform, scan_bytes, scan_items
from helpers.small_models import make_folder
from ismrmrd.hdf5 import image_header_dtype

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

CATALOGUE = yaml.safe_load((Path(__file__).parent / "bad_input.yaml").read_text())
NO_SEARCH = ("spark_detection.method=none",)
DROP_IN = packaged_chain("repair_raw").with_settings(NO_SEARCH)
NODE = '<external><execute name="gadgets.raw_repair" target="raw_repair" type="python"/></external>'


def cases(kind):
    return pytest.mark.parametrize("case", CATALOGUE[kind], ids=lambda case: str(case[0]))


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


def said(run) -> str:
    """The error that something ends with; "taken" where it does not."""
    try:
        run()
    except DesparkError as error:
        return str(error)
    return "taken"


def said_by(messages) -> str:
    texts = [message.text for message in messages if message.id in (MessageID.TEXT, MessageID.ERROR)]
    return texts[0] if texts else "taken"


def check(answer, expected, door):
    assert len(answer.splitlines()) == 1, (door, answer)
    assert re.search(expected, answer), (door, answer)


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
    before, after = ([acquisition(line, repetition=n) for line in range(8)] for n in range(2))
    odd = message(acquisition(**fields))
    data = b"".join([*map(message, before[:5]), odd, bytes.fromhex(more), *map(message, [*before[5:], *after])])
    if more.startswith("f0"):
        data = data[: len(b"".join(map(message, before[:5]))) + len(odd) + len(bytes.fromhex(more))]
    close = b"" if more.startswith("f0") else CLOSE
    got = converse(worker, as_worker_stream(data=data, close=close), half_close=not close)
    check(said_by(got), answer, "worker")
    if answer == "taken":
        # Every byte comes back, that of the odd one too.
        assert b"".join(bytes(each.data) for each in got[:-1]) == data
    opening = bytes(text_message(MessageID.HEADER, HEADER).data)
    check(through_stream(opening + data + close, warm), answer, "stream")


def spoil(path: Path, operation: str, arguments) -> None:
    """Do to a file what a case says."""
    os.mkfifo(path.with_name("pipe"))
    if operation == "bytes":
        path.write_bytes(arguments.encode())
    elif operation == "cut":
        path.write_bytes(path.read_bytes()[:arguments])
    elif operation in ("folder", "pipe", "nothing", "circle"):
        path.unlink()
        make = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "circle": lambda: path.symlink_to(path)}
        make.get(operation, lambda: None)()
    else:
        with h5py.File(path, "r+") as file:
            del file[arguments[0]]
            _put(file, operation, *arguments)


def _put(file, operation, name, value=None):
    if operation == "put":
        file[name] = value
    elif operation == "group":
        file.create_group(name)
    elif operation == "soft":
        file[name] = h5py.SoftLink(value)
    elif operation == "external":
        file[name] = h5py.ExternalLink(value, "/a")
    elif operation == "elsewhere":
        file.create_dataset(name, (4,), "u1", external=[("pipe", 0, 4)])
    elif operation == "void":
        file[name] = h5py.Empty("f")


@cases("raw_file")
def test_raw_files(case, tmp_path):
    _, operation, arguments, answer = case
    path = make_raw_file(tmp_path / "raw.h5", [*scan_items(), raw_waveform()])
    spoil(path, operation, arguments)
    check(said(Replay(path, tmp_path / "o.h5", "repair_raw", settings=NO_SEARCH).run), answer, "replay")
    check(said(lambda: list(read_kspaces(path))), answer, "accept")


@cases("image_file")
def test_image_files(case, tmp_path):
    _, operation, arguments, answer = case
    path = tmp_path / "images.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("images/image_0")
        group["data"] = np.ones((2, 1, 1, 8, 8), np.float32)
        group["header"] = np.zeros(2, image_header_dtype)
        group["attributes"] = [b"", b""]
    spoil(path, operation, arguments)

    def look():
        # A series that is none is left out, and `despark image` says that nothing is left.
        if not open_images(path, "images", is_volume=False).images:
            raise DesparkError("expected images, found none")

    check(said(look), answer, "image")


def spoil_models(folder: Path, operation: str, arguments) -> Path:
    """Make a folder of one model and do to it what a case says."""
    role = "second_classification" if operation == "none" else "first_classification"
    make_folder(folder, normalisation="evidence-1", patch=(32, 32), region="all", role=role)
    if operation == "field":
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["models"][0][arguments[0]] = arguments[1]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    elif operation == "text":
        (folder / arguments[0]).write_bytes(arguments[1].encode("latin-1"))
    elif operation == "folder":
        return folder / "none"
    elif operation != "none":
        (folder / arguments).unlink()
        make = {"pipe": lambda path: os.mkfifo(path), "directory": Path.mkdir, "sparse": _make_sparse}
        make.get(operation, lambda _: None)(folder / arguments)
    return folder


def _make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


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
