"""NaN and Inf samples are found, hidden and counted."""

import numpy as np
from helpers.builders import encoding, readout
from hypothesis import given, settings
from hypothesis import strategies as st

from gadgets.kspace.assembly.assembler import assemble
from gadgets.kspace.finite import warning_of, without_non_finite


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 7), st.integers(0, 15)), unique=True, max_size=6))
@settings(deadline=None, max_examples=30)
def test_non_finite_samples_are_not_sampled_and_counted(places):
    (acquired,) = assemble([readout(line) for line in range(8)], [encoding()])
    for number, (coil, line, sample) in enumerate(places):
        acquired.kspace.data[coil, 0, line, sample] = (np.nan, np.inf, -np.inf, complex(0, np.nan))[number % 4]
    before = acquired.kspace.data.copy()
    finite, count = without_non_finite(acquired.kspace)
    assert count == len(places)
    assert {(line, sample) for _, line, sample in np.argwhere(~finite.sampled).tolist()} == {
        place[1:] for place in places
    }
    assert not finite.data[:, ~finite.sampled].any()
    np.testing.assert_array_equal(finite.data[:, finite.sampled], before[:, finite.sampled])
    np.testing.assert_array_equal(acquired.kspace.data, before)
    assert (finite is acquired.kspace) is (not places)


def test_the_warning_counts():
    assert warning_of(0) == ""
    assert warning_of(3) == "3 NaN or Inf samples were passed on unjudged"
