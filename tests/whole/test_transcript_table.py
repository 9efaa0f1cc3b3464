"""Every recorded server-to-external stream, byte for byte, into every node: the table of ``transcript_cases``."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from helpers.builders import CLOSE, configuration, head
from helpers.connections import parse, run_on_connection, written
from helpers.fakes import FindsGiven
from helpers.transcript_cases import CASES, EXPECTED, FITTING, NODES, NOISE_FREE_IMAGES, REASONS, Kind, Reply
from ismrmrd.hdf5 import image_header_dtype

import gadgets.node
from gadgets.kspace.readout import is_imaging
from gadgets.records import Assembly, Detection
from gadgets.wire import Acquisition, RecordCollector, Waveform
from pipelines.messages.messages import MessageID

POINTS = ((0, 30, 40), (0, 33, 5))
TABLE = [
    pytest.param(case, node, EXPECTED[kind][node], id=f"{case}-{node}")
    for case, kind in CASES.items()
    for node in NODES
]


@pytest.fixture
def received(transcripts_folder):
    def read(case, direction="server_to_external"):
        return (transcripts_folder / f"{case}.{direction}.bin").read_bytes()

    return read


@pytest.fixture
def detector(monkeypatch):
    finds = FindsGiven(*POINTS)
    for module in ("spark_detection", "raw_repair"):
        monkeypatch.setattr(f"gadgets.{module}.detector_for", lambda _: finds)
    monkeypatch.setattr(gadgets.node, "QUIET_S", 0.2)
    return finds


def run(name: str, content: bytes, *, hang_up: bool = False) -> bytes:
    function = getattr(importlib.import_module(f"gadgets.{name}"), name)
    return run_on_connection(function, content, hang_up=hang_up)


def start_of_data(content: bytes) -> int:
    """Where configuration and header end."""
    position = 0
    for _ in range(2):
        position += 6 + int.from_bytes(content[position + 2 : position + 6], "little")
    return position


def without_records(sent: bytes, record_type) -> tuple[list, list]:
    """What a node sent without what it found, and what it found."""
    collector = RecordCollector()
    items = [item for _, item in parse(sent)[:-1] if not (isinstance(item, Waveform) and collector.add(item))]
    return items, collector.take(record_type)


def check_whole(sent, came):
    assert sent == came


def check_nothing(sent, _):
    assert sent == CLOSE


def check_k_spaces(sent, came):
    items, assemblies = without_records(sent, Assembly)
    rest = [item for item in items if not hasattr(item, "bits")]
    assert len(items) - len(rest) == 1
    assert len(assemblies) in (0, 1)
    left = [
        item for _, item in parse(came)[:-1] if not (isinstance(item, Acquisition) and is_imaging(item.fields.flags))
    ]
    assert written(rest) == written(left)


def check_repaired(sent, came):
    before, after = ([item for _, item in parse(content)[:-1]] for content in (came, sent))
    changed = set()
    for old, new in zip(before, after, strict=True):
        if isinstance(old, Acquisition) and written([old]) != written([new]):
            assert is_imaging(old.fields.flags)
            assert (bytes(old.header), bytes(old.trajectory)) == (bytes(new.header), bytes(new.trajectory))
            samples = np.flatnonzero((old.data != new.data).any(axis=0))
            changed |= {(0, new.fields.kspace_encode_step_1, int(sample)) for sample in samples}
        else:
            assert written([old]) == written([new])
    assert changed <= set(POINTS)


def check_detected(sent, came):
    items, detections = without_records(sent, Detection)
    assert detections
    assert written(items) + CLOSE == came


def check_images(sent, came):
    n_kspaces = sum(len(item.bits) for _, item in parse(came)[:-1] if hasattr(item, "bits"))
    messages = parse(sent)
    assert [message_id for message_id, _ in messages] == [MessageID.IMAGE] * n_kspaces + [MessageID.CLOSE]


CHECKS = {
    Reply.WHOLE: check_whole,
    Reply.NOTHING: check_nothing,
    Reply.K_SPACES: check_k_spaces,
    Reply.REPAIRED: check_repaired,
    Reply.DETECTED: check_detected,
    Reply.IMAGES: check_images,
}


def check_error(sent: bytes, reason: str) -> None:
    messages = parse(sent)
    assert messages[-2][0] == MessageID.ERROR
    assert reason in messages[-2][1]
    assert messages[-1] == (MessageID.CLOSE, None)


def test_the_table_names_every_recorded_stream(transcripts_folder):
    ending = ".server_to_external.bin"
    assert set(CASES) == {path.name.removesuffix(ending) for path in transcripts_folder.glob(f"*{ending}")}
    assert set(EXPECTED) == set(Kind)
    assert all(set(replies) == set(NODES) for replies in EXPECTED.values())


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize(("case", "node", "reply"), TABLE)
def test_a_node_sends_what_the_table_says(received, case, node, reply):
    content = received(case)
    sent = run(node, content)
    if reply is Reply.ERROR:
        check_error(sent, REASONS[case])
    else:
        CHECKS[reply](sent, content[start_of_data(content) :])


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize("case", [case for case, kind in CASES.items() if kind in FITTING])
def test_a_stream_that_is_cut_off_at_any_byte_of_its_data_ends_with_its_reason(received, case):
    content = received(case)
    generator = np.random.default_rng(len(case))
    start = start_of_data(content)
    for node in FITTING[CASES[case]]:
        places = [start, start + 1, *generator.integers(start, len(content) - 1, 4), len(content) - 2, len(content) - 1]
        for stop in places:
            check_error(run(node, content[:stop], hang_up=True), "ended without CLOSE")


@pytest.mark.usefixtures("detector")
def test_no_place_between_two_messages_is_taken_for_an_end(received):
    content = received("w_waveforms_direct.ext_gtprobe.wave_receiver")
    stop = start_of_data(content)
    for _, item in parse(content[stop:])[:12]:
        for place in (stop, stop + 1, stop + 2, stop + 3):
            check_error(run("raw_repair", content[:place], hang_up=True), "ended without CLOSE")
        stop += len(written([item]))


def pixels(image) -> np.ndarray:
    (header,) = np.frombuffer(image.parts[0], image_header_dtype)
    assert header["matrix_size"].tolist() == [64, 64, 1]
    return np.frombuffer(image.parts[3], np.float32)


@pytest.mark.parametrize("session", NOISE_FREE_IMAGES)
def test_what_a_client_sent_becomes_the_image_that_gadgetron_returned(received, session):
    content = received(session, "client_to_server")
    start = start_of_data(content)
    header = content[6 + int.from_bytes(content[2:6], "little") + 6 : start]
    content = content[start:]
    for node in NODES[:4]:
        method = {"method": "none"} if node in ("spark_detection", "calibration") else {}
        content = run(node, head(configuration(**method), header) + content)
    ((_, image), _) = parse(content)
    replies = parse(received(session, "server_to_client"))
    references = [pixels(item) for message_id, item in replies if message_id == MessageID.IMAGE]
    assert references
    for reference in references:
        assert np.linalg.norm(pixels(image) - reference) <= 1e-5 * np.linalg.norm(reference)


@pytest.mark.parametrize("number", [0, 1])
def test_a_repetition_that_was_sent_to_another_machine_comes_back_whole_and_as_its_image(received, number):
    job = received(f"dist_plain.conn{number:02}", "front_to_worker")
    start = start_of_data(job)
    header = job[6 + int.from_bytes(job[2:6], "little") + 6 : start]
    # An external inside <distributed> gets the bare declaration for its configuration.
    bare = head(b'<?xml version="1.0"?>\n', header)
    nothing = configuration(**{"spark_detection.method": "none", "calibration.method": "none"})
    assert run("raw_repair", head(nothing, header) + job[start:]) == job[start:]
    repaired = bare + run("acquisition_buffer", bare + job[start:])
    ((_, image), _) = parse(run("image_fft", repaired))
    ((_, returned), _) = parse(received(f"dist_plain.conn{number:02}", "worker_to_front"))
    reference = np.abs(np.frombuffer(returned.parts[3], np.complex64))
    assert np.linalg.norm(pixels(image) - reference) <= 1e-5 * np.linalg.norm(reference)


@pytest.mark.usefixtures("detector")
def test_a_node_works_without_a_configuration(received):
    job = received("dist_plain.conn00", "front_to_worker")
    start = start_of_data(job)
    header = job[6 + int.from_bytes(job[2:6], "little") + 6 : start]
    check_repaired(run("raw_repair", head(b'<?xml version="1.0"?>\n', header) + job[start:]), job[start:])
