import numpy as np
import pytest
from helpers.kspaces import make_plane

from gadgets.evidence.maps import gather_evidence
from gadgets.patch_models.sample_predictions import FIELDS, LARGEST_FIELD, fields_of, from_levels, in_levels

BURST = (20, slice(24, 28))


def sparked_plane(n_coils=4, amplitude=300.0):
    plane = make_plane(n_coils=n_coils)
    rng = np.random.default_rng(2)
    spark = np.zeros_like(plane)
    spark[:, BURST[0], BURST[1]] = amplitude * np.exp(2j * np.pi * rng.random((n_coils, 4)))
    return plane + spark, spark


def withheld_burst(shape):
    withheld = np.zeros(shape, dtype=bool)
    withheld[BURST] = True
    return withheld


def see(plane, withheld):
    evidence = gather_evidence(plane)
    return fields_of(plane, withheld, evidence.level, evidence.noise), evidence.level


@pytest.mark.parametrize("n_coils", [1, 5])
@pytest.mark.parametrize("field", ["beyond_background", "beyond_neighbours"])
def test_what_is_beyond_its_predictions_is_the_spark(n_coils, field):
    plane, spark = sparked_plane(n_coils)
    fields, level = see(plane, withheld_burst(plane.shape[1:]))
    assert fields.shape == (n_coils, len(FIELDS), 2, *plane.shape[1:])
    beyond = from_levels(fields[:, FIELDS.index(field)], level)[:, BURST[0], BURST[1]]
    assert np.abs(beyond - spark[:, BURST[0], BURST[1]]).max() < 0.15 * np.abs(spark).max()


def test_samples_of_a_burst_do_not_vouch_for_each_other():
    plane, _ = sparked_plane()
    others = withheld_burst(plane.shape[1:])
    others[BURST[0], 24] = False
    background = FIELDS.index("beyond_background")
    together, level = see(plane, withheld_burst(plane.shape[1:]))
    assert np.abs(together[:, background]).sum(axis=(0, 1))[BURST[0], 24] > 1
    assert see(plane, others)[0][:, background, :, BURST[0], 24] == pytest.approx(0, abs=1e-5)
    assert np.isfinite(level).all()


def test_scale_changes_nothing():
    plane, _ = sparked_plane()
    withheld = withheld_burst(plane.shape[1:])
    assert see(plane * np.float32(1e-7), withheld)[0] == pytest.approx(see(plane, withheld)[0], rel=1e-2, abs=1e-2)


def test_what_is_far_beyond_all_levels_is_cut_off():
    plane, _ = sparked_plane(amplitude=1e9)
    fields, _ = see(plane, withheld_burst(plane.shape[1:]))
    assert np.abs(fields).max() == pytest.approx(LARGEST_FIELD)


def test_levels_are_a_unit():
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((3, 8, 9)) + 1j * rng.standard_normal((3, 8, 9))).astype(np.complex64)
    level = rng.uniform(0.1, 2, (8, 9))
    parts = in_levels(values, level)
    assert parts.shape == (3, 2, 8, 9)
    assert from_levels(parts, level) == pytest.approx(values, rel=1e-5)
