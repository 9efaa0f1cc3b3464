from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_kspace

from gadgets.errors import RawDataError
from pipelines.benchmark.readouts import (
    edge_samples,
    noise_medians,
    noise_sigma,
    radii,
    ripple_unit,
    stack_readouts,
    unstack_readouts,
)

KSPACES = pytest.mark.parametrize(
    "kspace",
    [
        make_kspace(),
        make_kspace(shape=(3, 8, 16), n_coils=1),
        make_kspace(missing_lines=(0, 3, 5, 7)),
        make_kspace(first_column=9),
    ],
    ids=["full", "3d", "undersampled", "asymmetric"],
)


@KSPACES
def test_unstacking_undoes_stacking(kspace):
    stack = stack_readouts(kspace)
    assert stack.shape == (kspace.n_coils, kspace.acquired_lines.sum(), kspace.sampled.any(axis=(0, 1)).sum())
    np.testing.assert_array_equal(unstack_readouts(stack, kspace), kspace.data)


@KSPACES
def test_stacking_copies(kspace):
    before = kspace.data.copy()
    stack_readouts(kspace)[:] = 7
    np.testing.assert_array_equal(kspace.data, before)


@KSPACES
def test_edge_samples_are_six_at_each_end_of_a_readout(kspace):
    edges = edge_samples(kspace)
    for partition, line in np.argwhere(kspace.acquired_lines):
        acquired = np.flatnonzero(kspace.sampled[partition, line])
        expected = sorted({*acquired[:6], *acquired[-6:]})
        assert np.flatnonzero(edges[partition, line]).tolist() == expected
    assert not edges[~kspace.acquired_lines].any()


def test_noise_sigma_is_that_of_the_noise():
    kspace = make_kspace(shape=(1, 200, 64), n_coils=5, noise=2.5, signal=0.0)
    assert noise_sigma(kspace) == pytest.approx(2.5, rel=0.03)
    assert noise_medians(kspace).shape == (5,)


@KSPACES
def test_radii_agree_with_a_loop_over_the_stack(kspace):
    magnitude = np.abs(stack_readouts(kspace)).sum(axis=0)
    n_lines, n_samples = magnitude.shape
    line0 = max(range(n_lines), key=lambda line: sum(magnitude[line]))
    sample0 = max(range(n_samples), key=lambda sample: sum(magnitude[:, sample]))
    height, width = max(line0, n_lines - 1 - line0), max(sample0, n_samples - 1 - sample0)
    radius = radii(kspace)
    offset = int(np.argmax(kspace.sampled.any(axis=(0, 1))))
    for row, (partition, line) in enumerate(np.argwhere(kspace.acquired_lines)):
        for sample in range(n_samples):
            expected = np.hypot((row - line0) / height, (sample - sample0) / width)
            assert radius[partition, line, offset + sample] == pytest.approx(expected)
    assert np.all(np.isinf(radius[~kspace.sampled]))


def test_ripple_unit_needs_noise():
    kspace = make_kspace(noise=2.0, signal=0.0)
    assert ripple_unit(kspace) == noise_sigma(kspace) * np.sqrt(kspace.sampled.sum())
    kspace.data[:] = 0
    with pytest.raises(RawDataError, match="expected noise at both ends of the readouts"):
        ripple_unit(kspace)


def test_a_kspace_of_nothing_has_no_noise():
    kspace = make_kspace()
    for nothing in (
        replace(kspace, data=kspace.data[:0]),
        replace(kspace, data=np.zeros_like(kspace.data), sampled=np.zeros_like(kspace.sampled)),
    ):
        with pytest.raises(RawDataError, match="expected noise"):
            ripple_unit(nothing)
