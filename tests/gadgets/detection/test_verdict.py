import numpy as np
import pytest

from gadgets.detection.verdict import are_sparks, receivers_of, suspicious_from


def deviations(*values):
    return np.array(values, dtype=float)


def is_spark(probability, threshold, deviation, *, in_core, in_crowd=False):
    """Judge one sample, beside two that are no sparks whatever the third is."""
    probabilities, thresholds = np.array([0.0, probability, 0.9]), np.full(3, threshold)
    others = np.full(deviation.shape, 99.0), np.full(deviation.shape, 1.0)
    (one, this, other) = are_sparks(
        probabilities,
        thresholds,
        np.stack([others[0], deviation, others[1]]),
        in_core=np.full(3, in_core),
        in_crowd=np.array([False, in_crowd, False]),
    ).tolist()
    assert not one
    assert not other
    return this


@pytest.mark.parametrize(
    ("probability", "deviation", "expected"),
    [
        (0.6, 4.0, True),  # the network is sure, and the prediction does not object
        (0.6, 3.0, False),  # no receiver was hit
        (0.3, 4.0, False),
        (0.3, 12.0, True),  # a large deviation makes up for a hesitant network
        (0.6, 3.6, True),
        (0.51, 3.6, False),  # a small one speaks against a hesitant one
    ],
)
def test_both_opinions_are_weighed(probability, deviation, expected):
    assert is_spark(probability, 0.5, deviations(1.0, deviation), in_core=False) is expected


def test_the_echos_peak_has_to_deviate_more():
    assert not is_spark(0.8, 0.88, deviations(10.0), in_core=True)
    assert is_spark(0.8, 0.88, deviations(50.0), in_core=True)
    assert is_spark(0.9, 0.88, deviations(12.0), in_core=True)


def test_what_cannot_be_judged_is_no_spark():
    assert not is_spark(0.99, 0.5, deviations(np.nan, np.nan), in_core=False)


def test_suspicion_begins_below_the_threshold():
    assert suspicious_from(np.array([[0.5]])) == pytest.approx(1 / (1 + np.exp(2)))


def test_thresholds_at_the_ends_stay_numbers():
    suspicious = suspicious_from(np.array([[0.0, 1.0]]))
    assert np.isfinite(suspicious).all()
    assert not is_spark(0.99, 1.0, deviations(20.0), in_core=False)


def test_what_reaches_two_receivers_reaches_all():
    assert receivers_of(np.array([1]), 3) == (1,)
    assert receivers_of(np.array([1, 2]), 3) == (0, 1, 2)
    assert receivers_of(np.array([], int), 3) == ()


def test_found_together_a_deviation_speaks_louder():
    assert not is_spark(0.01, 0.5, deviations(20.0), in_core=False)
    assert is_spark(0.01, 0.5, deviations(20.0), in_core=False, in_crowd=True)
    assert not is_spark(0.01, 0.88, deviations(20.0), in_core=True, in_crowd=True)
