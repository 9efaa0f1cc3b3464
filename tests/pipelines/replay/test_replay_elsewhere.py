"""A raw file through a server elsewhere: what it is asked for, what has to come back, and what it tells."""

from __future__ import annotations

import h5py
import pytest
from helpers.raw_scans import (
    HEADER,
    Player,
    make_raw_file,
    raw_acquisition,
    raw_waveform,
    scan_bytes,
    scan_items,
)
from helpers.scans.replays import assert_nothing_left, contents, probe_chain, recorded, replay

from gadgets.errors import PipelineError, WireError
from gadgets.indices import Indices
from gadgets.records import Detection
from gadgets.wire import waveforms_of
from pipelines.host import Host
from pipelines.messages.messages import CLOSE, MessageID, data_message
from pipelines.phantom import PhantomScan, SparkPlan, simulate_file, write_phantom
from pipelines.replay.scan_output import ScanOutput

pytestmark = pytest.mark.usefixtures("probes")


def test_a_gadgetron_elsewhere_is_asked_with_the_chain_and_its_settings(raw, tmp_path, transcripts_folder):
    player = Player(recorded(transcripts_folder, "h_four_node_chain"))
    with player:
        report = replay(raw, tmp_path / "out.h5", host=player.host)
    assert [message.id for message in player.received[:2]] == [MessageID.CONFIG, MessageID.HEADER]
    assert b'<property name="method" value="none" />' in player.received[0].body
    assert player.received[1].body[4:] == HEADER
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["images/image_0/data"].shape == (1, 1, 1, 64, 128)
        assert b"SparkCount" in file["images/image_0/attributes"][0]
    assert report.returned["images"] == 1


def test_a_chain_that_only_the_server_knows_is_asked_for_by_name(raw, tmp_path, transcripts_folder):
    with Player(recorded(transcripts_folder, "t01_config_name_default")) as player:
        replay(raw, tmp_path / "out.h5", host=player.host, pipeline="default.xml", settings=())
    assert (player.received[0].id, player.received[0].text) == (MessageID.FILENAME, "default.xml")
    with pytest.raises(PipelineError, match="--set needs the chain itself"):
        replay(raw, tmp_path / "out2.h5", host=player.host, pipeline="default.xml")


def test_a_chain_with_nodes_of_a_gadgetron_runs_there_and_not_here(raw, tmp_path, transcripts_folder):
    pipeline = str(transcripts_folder / "xml" / "t02_config_local_plain.xml")
    with Player(recorded(transcripts_folder, "t02_config_local_plain")) as player:
        replay(raw, tmp_path / "out.h5", host=player.host, pipeline=pipeline, settings=())
    with pytest.raises(PipelineError, match="only a Gadgetron can run the <gadget> NoiseAdjustGadget"):
        replay(raw, tmp_path / "out2.h5", pipeline=pipeline, settings=())


def test_images_and_waveforms_go_to_one_file(raw, tmp_path, transcripts_folder):
    pipeline = probe_chain(tmp_path, "pass_on", writes=("ImageWriter", "WaveformWriter"))
    with Player(recorded(transcripts_folder, "w2_waveform_to_client")) as player:
        report = replay(raw, tmp_path / "out.h5", host=player.host, pipeline=pipeline, settings=())
    assert (report.returned["images"], report.returned["waveforms"]) == (1, 1)
    with h5py.File(tmp_path / "out.h5") as file:
        assert set(file) == {"images", "dataset"}


def returned_bytes(items):
    return scan_bytes(CLOSE, items)[2 + 6 + len(HEADER) :]


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        (scan_items()[:-1], "9 acquisitions were sent, 8 came back"),
        ([*scan_items(), raw_waveform()], "0 waveforms were sent, 1 came back"),
        (scan_items()[::-1], "in another order or with other headers"),
        ([*scan_items()[:-1], raw_acquisition(7, slice=3)], "in another order or with other headers"),
        ([], "9 acquisitions were sent, 0 came back"),
    ],
)
def test_a_drop_in_that_does_not_return_all_is_an_error(raw, tmp_path, returned, reason):
    with Player(returned_bytes(returned)) as player, pytest.raises(WireError, match=reason):
        replay(raw, tmp_path / "out.h5", host=player.host, pipeline="repair_raw")
    assert_nothing_left(tmp_path, "raw.h5")


def test_a_missing_image_is_an_error(tmp_path, transcripts_folder):
    raw = make_raw_file(tmp_path / "raw.h5", scan_items(n_slices=2))
    missing = pytest.raises(WireError, match="expected an image of each of 2 k-spaces, 1 came back")
    with Player(recorded(transcripts_folder, "h_four_node_chain")) as player, missing:
        replay(raw, tmp_path / "out.h5", host=player.host)
    assert_nothing_left(tmp_path, "raw.h5")


@pytest.mark.parametrize("pipeline", ["repair_raw", "spark_calibration"])
def test_a_server_elsewhere_tells_what_it_found(tmp_path, pipeline):
    scan = tmp_path / "scan.h5"
    write_phantom(tmp_path / "clean.h5", PhantomScan(matrix=32, n_coils=4, n_slices=2, n_noise=1))
    simulate_file(tmp_path / "clean.h5", scan, tmp_path / "truth.json", SparkPlan(seed=2, rnr_min=1, events=3))
    options = {"pipeline": pipeline, "settings": ("calibration.on_failure=fail",)}
    here = replay(scan, tmp_path / "here.h5", **options)
    with Host() as host:
        there = replay(scan, tmp_path / "there.h5", host="{}:{}".format(*host.address), **options)
    assert here.sparks
    assert there.sparks == here.sparks
    assert (there.verdict, there.patterns, there.moments) == (here.verdict, here.patterns, here.moments)
    assert there.settings == here.settings
    for name in ("sparks", "points", "repaired", "refused", "receivers_repaired"):
        assert getattr(there.totals, name) == getattr(here.totals, name)
    if pipeline == "repair_raw":
        assert contents(tmp_path / "there.h5") == contents(tmp_path / "here.h5")


def test_what_a_server_was_not_asked_for_is_written_as_it_came(tmp_path):
    (waveform,) = waveforms_of(Detection(indices=Indices()))
    message = data_message(MessageID.WAVEFORM, waveform.header + bytes(waveform.samples))
    for is_told, n_written in ((False, 1), (True, 0)):
        output = ScanOutput(tmp_path / f"{is_told}.h5", HEADER, is_told=is_told)
        output.receive(message)
        output.finish()
        assert output.counts.waveforms == n_written
        assert len(output.records()) == 1 - n_written
