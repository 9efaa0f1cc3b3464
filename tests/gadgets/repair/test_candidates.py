"""What candidates say of their errors."""

import numpy as np
import pytest

from gadgets.repair.candidates import Candidate


def test_total_error_is_over_receivers_and_samples():
    assert Candidate("zero", np.zeros((2, 1), complex), np.array([[3.0], [4.0]])).total_error == pytest.approx(
        12.5**0.5
    )
