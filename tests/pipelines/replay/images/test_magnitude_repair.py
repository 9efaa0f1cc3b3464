"""Magnitudes: the little that can be taken away of sparks where the phase is lost."""

from __future__ import annotations

import numpy as np
from helpers.images.striped import error_left, make_image, read_mrd, with_sparks, write_mrd

from gadgets.image.reconstruction import centred_inverse_fft
from gadgets.records import Point
from gadgets.settings.definitions import CalibrationSettings, SparkDetectionSettings
from pipelines.benchmark.sparks import add_sparks
from pipelines.files.read_kspaces import read_kspaces
from pipelines.replay.images.image_repair import ImageRepair
from pipelines.replay.images.image_repairer import ImageRepairer, kspace_of_image
from pipelines.replay.images.magnitude_repair import in_pairs, where_it_is


def test_a_magnitude_loses_the_beat_of_its_sparks_and_stays_one(tmp_path):
    clean, sparked = (np.abs(image).astype(np.float32) for image in (make_image(), with_sparks(make_image(), ripple=8)))
    write_mrd(tmp_path / "in.h5", [sparked])
    ImageRepair(tmp_path / "in.h5", tmp_path / "out.h5").run()
    repaired = read_mrd(tmp_path / "out.h5")[0][0]
    assert repaired.min() >= 0
    assert error_left(repaired, sparked, clean) < 0.98


def test_magnitudes_of_real_images_are_not_made_worse(data_folder):
    repairer = ImageRepairer(SparkDetectionSettings(provider="cpu"), CalibrationSettings())
    for name in ("siemens_gre_2ch", "lf055_brain7B_fse"):
        kspace = next(read_kspaces(data_folder / f"{name}.h5")).kspace
        sparked, _ = add_sparks(kspace, np.random.default_rng(0))
        truth, before = (np.abs(centred_inverse_fft(each.data[:1].copy(), (1, 2, 3))) for each in (kspace, sparked))
        assert repairer.repair(truth)[0] is None
        after = repairer.repair(before)[0]
        assert after is None or error_left(after, before, truth) < 1


def test_a_point_without_its_partner_is_the_anatomys_own():
    kspace = kspace_of_image(make_image()[None, None])
    places = [(0, 20, 30), (0, 76, 82), (0, 10, 10), (0, 45, 53), (0, 51, 59)]
    points = [
        Point(partition=p, line=y, sample=x, receivers=(0,), probability=1, scan_counter=0, time_stamp=0)
        for p, y, x in places
    ]
    assert [(point.line, point.sample) for point in in_pairs(points, kspace)] == [(20, 30), (76, 82)]


def test_a_change_counts_where_the_image_shows_it():
    stripes = np.tile(np.cos(0.7 * np.arange(128)), (96, 1))[None, None]
    image = 50 + np.where(np.arange(128) < 64, 3 * stripes, 0)
    changed = image + where_it_is(-3 * stripes, image)
    assert np.abs(changed[..., :40] - 50).max() < 0.5
    assert np.abs(changed[..., 90:] - 50).max() < 0.5
