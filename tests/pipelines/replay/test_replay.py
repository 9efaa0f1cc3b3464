"""Replaying raw files: through our own host, through a player of recorded bytes, and what has to come back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.raw_scans import (
    Player,
    make_raw_file,
    raw_waveform,
    scan_items,
)
from helpers.scans.replays import NO_MODELS, assert_nothing_left, contents, probe_chain, replay

from gadgets.errors import DesparkError, NodeError, RawDataError, SettingsError, WireError
from pipelines.messages.messages import CLOSE, MessageID, text_message

pytestmark = pytest.mark.usefixtures("probes")


def test_the_drop_in_gives_back_the_file(tmp_path):
    items = [*scan_items(n_slices=2), raw_waveform(scan_counter=99)]
    raw = make_raw_file(tmp_path / "raw.h5", items)
    report = replay(raw, tmp_path / "out.h5", pipeline="repair_raw", report=tmp_path / "r.json")
    assert contents(tmp_path / "out.h5") == contents(raw)
    assert report.returned["acquisitions"] == 17
    assert report.totals.k_spaces == 2
    written = json.loads((tmp_path / "r.json").read_text())
    assert [kspace["indices"]["slice"] for kspace in written["k_spaces"]] == [0, 1]
    assert written["settings"] == {"raw_repair": {"spark_detection.method": "none", "calibration.method": "none"}}
    assert_nothing_left(tmp_path, "raw.h5", "out.h5", "r.json")


def test_the_four_nodes_give_an_image_per_kspace(tmp_path):
    raw = make_raw_file(tmp_path / "raw.h5", scan_items(n_slices=3))
    report = replay(raw, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["images/image_0/data"].shape == (3, 1, 1, 8, 16)
        assert list(file["images/image_0/header"]["slice"]) == [0, 1, 2]
    assert [kspace.image for kspace in report.k_spaces] == [1, 2, 3]
    assert all(len(kspace.seconds) == 4 for kspace in report.k_spaces)


def test_real_files_come_back_unchanged_where_nothing_is_looked_for(each_raw_file, tmp_path):
    replay(each_raw_file, tmp_path / "out.h5", pipeline="repair_raw")
    assert contents(tmp_path / "out.h5") == contents(each_raw_file)


@pytest.mark.parametrize("name", ["siemens_gre_2ch", "bruker_tubes_1ch_3sl"])
def test_images_agree_with_those_of_a_real_gadgetron(data_folder, reference_images_folder, tmp_path, name):
    replay(data_folder / f"{name}.h5", tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as ours, h5py.File(reference_images_folder / f"{name}.h5") as theirs:
        image, reference = ours["images/image_0/data"][()], theirs["images/image_0/data"][()]
    assert np.linalg.norm(image - reference) <= 1e-6 * np.linalg.norm(reference)
    assert np.vdot(reference, image) / np.vdot(reference, reference) == pytest.approx(1, abs=1e-5)


def test_a_report_that_the_user_asks_a_node_for_is_merged_and_kept(raw, tmp_path):
    own = tmp_path / "own.jsonl"
    own.write_text('{"node": "older"}\n')
    settings = (*NO_MODELS, f"spark_detection.report={own}")
    report = replay(raw, tmp_path / "out.h5", settings=settings)
    assert set(report.k_spaces[0].seconds) == {"acquisition_buffer", "spark_detection", "calibration", "image_fft"}
    assert own.read_text().startswith('{"node": "older"}\n{')


def test_a_report_names_files_whose_names_are_no_text(raw, tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/scan\xff.h5"))
    raw.rename(odd)
    replay(odd, tmp_path / "out.h5", pipeline="repair_raw", report=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["input"].endswith("scan\\xff.h5")


def test_progress_and_notices_are_told(tmp_path):
    raw = make_raw_file(tmp_path / "raw.h5")
    with h5py.File(raw, "r+") as file:
        file.create_group("noise_scan")
    phases, sent, returned, notices = [], [], [], []
    replay(
        raw,
        tmp_path / "out.h5",
        pipeline="repair_raw",
        on_phase=phases.append,
        on_sent=lambda *counts: sent.append(counts),
        on_returned=lambda *counts: returned.append(counts),
        on_notice=notices.append,
    )
    assert phases == ["opening models", "starting nodes"]
    assert sent == returned == [(number, 9) for number in range(1, 10)]
    assert notices == [f"other groups of {raw} are not copied: noise_scan"]


def test_a_chain_that_returns_nothing_is_an_error(raw, tmp_path):
    with Player(bytes(CLOSE.data)) as player, pytest.raises(WireError, match="neither images nor acquisitions"):
        replay(raw, tmp_path / "out.h5", host=player.host, pipeline="other.xml", settings=())


def test_a_failing_node_leaves_nothing_behind(raw, tmp_path):
    pipeline = probe_chain(tmp_path, "raise_in_the_middle")
    with pytest.raises(NodeError, match="node probe_gadgets failed: exit code 1: RuntimeError: broken in the middle"):
        replay(raw, tmp_path / "out.h5", pipeline=pipeline, settings=())
    assert_nothing_left(tmp_path, "raw.h5", "chain.xml")


def test_an_older_output_survives_a_failure(raw, tmp_path):
    (tmp_path / "out.h5").write_text("older")
    text = bytes(text_message(MessageID.TEXT, "no").data) + bytes(CLOSE.data)
    with Player(text) as player, pytest.raises(NodeError, match="the server reports: no"):
        replay(raw, tmp_path / "out.h5", host=player.host)
    assert (tmp_path / "out.h5").read_text() == "older"


def test_a_report_must_not_overwrite_anything(raw, tmp_path):
    for name in ("raw.h5", "out.h5"):
        with pytest.raises(RawDataError, match="the report would overwrite"):
            replay(raw, tmp_path / "out.h5", report=tmp_path / name)


@pytest.mark.parametrize("where", ["missing/r.jsonl", "raw.h5", "out.h5", "."])
def test_a_report_that_a_node_cannot_write_is_an_error_before_the_scan(raw, tmp_path, where):
    before = raw.read_bytes()
    settings = (*NO_MODELS, f"spark_detection.report={tmp_path / where}")
    with pytest.raises(DesparkError, match="report"):
        replay(raw, tmp_path / "out.h5", settings=settings)
    assert raw.read_bytes() == before
    assert not (tmp_path / "out.h5").exists()


def test_a_node_without_a_report_is_told_of_all_the_same(raw, tmp_path):
    report = replay(raw, tmp_path / "out.h5", settings=(*NO_MODELS, "spark_detection.report=none"))
    assert "spark_detection" in report.k_spaces[0].seconds


def test_settings_are_checked_before_anything_else_happens(raw, tmp_path):
    with pytest.raises(SettingsError, match="unknown property 'sharpness'"):
        replay(raw, tmp_path / "out.h5", settings=("spark_detection.sharpness=1",), host="127.0.0.1:1")


def test_models_are_checked_before_anything_starts(raw, tmp_path):
    with pytest.raises(DesparkError, match="manifest"):
        replay(raw, tmp_path / "out.h5", settings=(f"spark_detection.models={tmp_path}",))


@pytest.mark.parametrize("name", ["images.nii.gz", "images.png", "images.dcm", "images"])
def test_images_are_written_as_the_name_says(tmp_path, raw, name):
    pytest.importorskip("nibabel")
    pytest.importorskip("pydicom")
    replay(raw, tmp_path / name)
    start = {"images.nii.gz": b"\x1f\x8b", "images.png": b"\x89PNG", "images.dcm": bytes(128) + b"DICM"}
    first = tmp_path / "images" / "image_0001.dcm" if name == "images" else tmp_path / name
    assert first.read_bytes().startswith(start.get(name, start["images.dcm"]))
    assert_nothing_left(tmp_path, "raw.h5", name)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.jpg", {}, r"out\.jpg: expected the name of what can be written"),
        ("out.png", {"pipeline": "repair_raw"}, r"out\.png: repair_raw gives no images back, .* ends with \.h5"),
        ("out.dcm", {}, r"out\.dcm: one DICOM file holds one image, and this scan makes 2; name a folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_scan(tmp_path, name, options, message):
    raw = make_raw_file(tmp_path / "raw.h5", scan_items(n_slices=2))
    with pytest.raises(RawDataError, match=message):
        replay(raw, tmp_path / name, on_phase=lambda _: pytest.fail("the scan began"), **options)
    assert_nothing_left(tmp_path, "raw.h5")
