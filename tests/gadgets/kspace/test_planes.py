from dataclasses import replace

import numpy as np
from helpers.kspaces import make_kspace

from gadgets.kspace.planes import planes_of


def test_acquired_lines_are_stacked_and_remember_where_they_were():
    kspace = make_kspace(shape=(2, 20, 16), missing_lines=(0, 3, 19), first_column=4)
    planes = list(planes_of(kspace))
    assert [plane.partition for plane in planes] == [0, 1]
    for plane in planes:
        assert plane.data.shape == (3, 17, 12)
        for line in (0, 5, 16):
            for sample in (0, 11):
                partition, there, across = plane.place(line, sample)
                assert np.array_equal(plane.data[:, line, sample], kspace.data[:, partition, there, across])


def test_reversed_readouts_are_mirrored_and_found_again():
    kspace = make_kspace(shape=(1, 12, 16))
    reverse = np.zeros((1, 12), dtype=bool)
    reverse[0, 1::2] = True
    (plane,) = planes_of(replace(kspace, reversed_lines=reverse))
    assert np.array_equal(plane.data[:, 1], kspace.data[:, 0, 1, ::-1])
    assert plane.place(1, 0) == (0, 1, 15)
    assert plane.place(2, 0) == (0, 2, 0)


def test_what_is_not_finite_is_not_valid():
    kspace = make_kspace(shape=(1, 12, 16))
    data = kspace.data.copy()
    data[1, 0, 4, 5] = np.nan
    (plane,) = planes_of(replace(kspace, data=data))
    assert not plane.valid[4, 5]
    assert plane.valid.sum() == plane.valid.size - 1
    assert np.isfinite(plane.data).all()


def test_partitions_with_few_readouts_are_left_out():
    kspace = make_kspace(shape=(1, 12, 16), missing_lines=range(2, 9))
    assert not list(planes_of(kspace))


def test_partitions_can_be_left_out():
    kspace = make_kspace(0, 2, (3, 12, 16))
    assert [plane.partition for plane in planes_of(kspace, without={1})] == [0, 2]
