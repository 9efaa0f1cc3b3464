"""What a real Gadgetron sent to its externals, recorded, fed to the nodes; the whole table is in another module."""

import numpy as np
import pytest
from helpers.builders import CLOSE
from helpers.connections import parse, run_on_connection, written
from helpers.fakes import FindsGiven
from ismrmrd.hdf5 import image_header_dtype

import gadgets.calibration
import gadgets.node
import gadgets.spark_detection
from gadgets.acquisition_buffer import acquisition_buffer
from gadgets.calibration import calibration
from gadgets.image_fft import image_fft
from gadgets.raw_repair import raw_repair
from gadgets.records import Calibration, Detection
from gadgets.spark_detection import spark_detection
from gadgets.wire import RecordCollector

PASSES = [
    "c_bucket_recon_buffers.ext_examples.recon_buffers",
    "c2_bucket_with_ref.ext_examples.recon_buffers",
    "w3_bucket_with_waveforms.ext_gtprobe.wave_receiver",
    "g_image_external_meta.ext_gtprobe.image_meta",
    "g2_imagearray_external.ext_examples.pass_through",
    "k2_traj_bucket_no_ro.ext_gtprobe.bucket_patched",
]
RECON_DATA = [
    "b_recondata_passthrough.ext_examples.pass_through",
    "b2_recon_buffers.ext_examples.recon_buffers",
    "b3_recondata_with_ref.ext_examples.pass_through",
    "d_density_two_externals.ext_gtprobe.density_get",
    "h_four_node_chain.ext_chain4.detect",
    "h_four_node_chain.ext_chain4.calibrate",
    "k3_traj_recondata.ext_examples.pass_through",
    "k_connect_recon_buffers",
]
ACQUISITIONS = [
    "a_recon_acquisitions.ext_examples.recon_acquisitions",
    "f_configuration_xml.ext_gtprobe.envdump",
    "h_four_node_chain.ext_chain4.buffer_",
    "k1_traj_acquisitions.ext_gtprobe.passthru",
    "w_waveforms_direct.ext_gtprobe.wave_receiver",
]


@pytest.fixture
def received(transcripts_folder):
    def read(case, direction="server_to_external"):
        (path,) = transcripts_folder.glob(f"{case}.{direction}.bin")
        return path.read_bytes()

    return read


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    finds = FindsGiven((0, 30, 40), (0, 33, 5))
    for module in ("spark_detection", "raw_repair"):
        monkeypatch.setattr(f"gadgets.{module}.detector_for", lambda _: finds)
    monkeypatch.setattr(gadgets.node, "QUIET_S", 0.3)
    return finds


def data_of(content: bytes) -> bytes:
    """What follows configuration and header."""
    position = 0
    for _ in range(2):
        position += 6 + int.from_bytes(content[position + 2 : position + 6], "little")
    return content[position:]


def plain(content: bytes) -> bytes:
    """The same stream with an empty configuration."""
    length = int.from_bytes(content[2:6], "little")
    text = b"<configuration />"
    return content[:2] + len(text).to_bytes(4, "little") + text + content[6 + length :]


@pytest.mark.parametrize("case", ACQUISITIONS)
def test_acquisitions_become_one_recon_data_and_the_rest_keeps_its_order(received, case):
    content = plain(received(case))
    sent = parse(run_on_connection(acquisition_buffer, content, hang_up=False))
    came = parse(data_of(content))
    rest = [item for message_id, item in came if message_id == 1026 or (message_id == 1008 and item.fields.flags >> 18)]
    assert [message_id for message_id, _ in sent if message_id == 1023] == [1023]
    for (_, passed), original in zip((pair for pair in sent if pair[0] in (1008, 1026)), rest, strict=True):
        assert (passed.header, passed.samples) == (original.header, original.samples)


def test_our_recon_data_is_that_of_the_recorded_chain(received):
    content = received("h_four_node_chain.ext_chain4.buffer_")
    ((_, ours), _) = parse(run_on_connection(acquisition_buffer, content, hang_up=False))
    ((_, recorded), _) = parse(received("h_four_node_chain.ext_chain4.buffer_", "external_to_server"))
    assert ours.bits[0].data.dimensions == recorded.bits[0].data.dimensions
    assert bytes(ours.bits[0].data.data) == bytes(recorded.bits[0].data.data)
    assert bytes(ours.bits[0].data.headers) == bytes(recorded.bits[0].data.headers)


@pytest.mark.parametrize("case", RECON_DATA)
def test_recon_data_of_gadgetron_is_judged_and_passes_whole(received, detector, case):
    content = plain(received(case))
    sent = run_on_connection(spark_detection, content, hang_up=False)
    collector = RecordCollector()
    left = [item for message_id, item in parse(sent)[:-1] if message_id != 1026 or not collector.add(item)]
    detections = collector.take(Detection)
    assert detections
    assert len(detections) == len(detector.seen)
    assert written(left) + CLOSE == data_of(content)


@pytest.mark.parametrize("case", RECON_DATA)
def test_repaired_recon_data_of_gadgetron_differs_at_its_points_only(received, case):
    content = plain(received(case))
    start = content[: len(content) - len(data_of(content))]
    detected = run_on_connection(spark_detection, content, hang_up=False)
    sent = run_on_connection(calibration, start + detected, hang_up=False)
    collector = RecordCollector()
    items = [item for message_id, item in parse(sent) if message_id != 1026 or not collector.add(item)]
    calibrations = collector.take(Calibration)
    assert calibrations
    before = [item for message_id, item in parse(detected) if message_id == 1023]
    after = [item for item in items if hasattr(item, "bits")]
    changed = sum(
        int(np.any(old.data.data_array() != new.data.data_array(), axis=3).sum())
        for first, second in zip(before, after, strict=True)
        for old, new in zip(first.bits, second.bits, strict=True)
    )
    assert changed <= sum(record.n_repaired for record in calibrations)
    for first, second in zip(before, after, strict=True):
        for old, new in zip(first.bits, second.bits, strict=True):
            assert bytes(old.data.headers) == bytes(new.data.headers)
            assert [bytes(part) for part in old.data.extras] == [bytes(part) for part in new.data.extras]


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ("b2_recon_buffers.ext_examples.recon_buffers", "b2_recon_buffers.ext_examples.recon_buffers"),
        ("k_connect_recon_buffers", "k_connect_recon_buffers"),
    ],
)
def test_images_of_recon_data_are_those_of_the_recorded_gadget(received, case, answer):
    ((_, image), _) = parse(run_on_connection(image_fft, plain(received(case)), hang_up=False))
    ((_, recorded), _) = parse(received(answer, "external_to_server"))
    headers = [np.frombuffer(item.parts[0], image_header_dtype)[0] for item in (image, recorded)]
    np.testing.assert_array_equal(headers[0]["matrix_size"], headers[1]["matrix_size"])
    ours, theirs = (np.frombuffer(item.parts[3], np.float32) for item in (image, recorded))
    # The recorded gadget scales its transform otherwise; the picture is the same.
    ratio = np.linalg.norm(theirs) / np.linalg.norm(ours)
    assert np.linalg.norm(ours * ratio - theirs) / np.linalg.norm(theirs) < 1e-5


def test_the_whole_recorded_chain_gives_one_image(received):
    content = received("h_four_node_chain.ext_chain4.buffer_")
    start = content[: len(content) - len(data_of(content))]
    for node in (acquisition_buffer, spark_detection, calibration, image_fft):
        content = start + run_on_connection(node, content, hang_up=False)
    ((message_id, image), end) = parse(data_of(content))
    header = np.frombuffer(image.parts[0], image_header_dtype)[0]
    assert (message_id, header["matrix_size"].tolist(), end) == (1022, [64, 64, 1], (4, None))
    assert b"<name>despark_points_found</name><value>2</value>" in bytes(image.parts[2])


@pytest.mark.parametrize(
    "case", [ACQUISITIONS[2], RECON_DATA[2], PASSES[2], "w_waveforms_direct.ext_gtprobe.wave_receiver"]
)
@pytest.mark.parametrize("node", [acquisition_buffer, spark_detection, calibration, image_fft, raw_repair])
def test_a_recorded_stream_that_is_cut_off_ends_with_its_reason(received, case, node):
    content = plain(received(case))
    start = len(content) - len(data_of(content))
    generator = np.random.default_rng(7)
    for stop in (
        start,
        start + 1,
        start + 2,
        len(content) - 2,
        len(content) - 1,
        *generator.integers(start, len(content) - 2, 4),
    ):
        messages = parse(run_on_connection(node, content[:stop], hang_up=True))
        assert messages[-2][0] == 8
        assert "ended without CLOSE" in messages[-2][1]
        assert messages[-1] == (4, None)


@pytest.mark.parametrize("node", [acquisition_buffer, spark_detection, calibration, image_fft, raw_repair])
def test_damaged_recordings_never_hang(received, node):
    generator = np.random.default_rng(11)
    for case in (ACQUISITIONS[2], ACQUISITIONS[4], RECON_DATA[2], PASSES[2], PASSES[4]):
        content = plain(received(case))
        start = len(content) - len(data_of(content))
        for _ in range(6):
            damaged = bytearray(content)
            for place in generator.integers(start, min(start + 6000, len(content)), 3):
                damaged[place] = generator.integers(256)
            messages = parse(run_on_connection(node, bytes(damaged), hang_up=True))
            assert messages[-1] == (4, None)


def test_a_recorded_trajectory_stays_with_its_kspace(received):
    content = received("k1_traj_acquisitions.ext_gtprobe.passthru")
    ((_, item), _) = parse(run_on_connection(acquisition_buffer, content, hang_up=False))
    extras = b"".join(map(bytes, item.bits[0].data.extras))
    is_present, shape, trajectory, has_density = extras[:1], extras[1:65], extras[65:-1], extras[-1:]
    assert (is_present, has_density) == (b"\x01", b"\x00")
    assert np.frombuffer(shape, np.uint64).tolist() == [7, 2, 128, 64, 1, 1, 1, 1]
    acquisitions = [came for message_id, came in parse(data_of(content)) if message_id == 1008]
    assert trajectory == b"".join(bytes(came.trajectory) for came in acquisitions)
