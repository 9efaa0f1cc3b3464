"""Whatever a k-space holds, it is judged as far as it goes, and never a reason for more than a line in the log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.kspaces import make_scan

from gadgets.detection import open_detector
from gadgets.errors import RawDataError
from gadgets.failing_open import detect
from gadgets.settings import SparkDetectionSettings

METHODS = ("segment", "calibrate", "check_segment", "check_calibrate", "one_pass")


@pytest.fixture(scope="module")
def detectors():
    return {method: open_detector(SparkDetectionSettings(provider="cpu", method=method)) for method in METHODS}


@pytest.mark.parametrize("n_coils", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_samples_that_are_no_numbers_cost_one_line_each_k_space(detectors, method, value, n_coils, caplog):
    kspace = make_scan(n_coils=n_coils)
    everywhere, one_line = kspace.data.copy(), kspace.data.copy()
    everywhere[...] = value
    one_line[:, :, 10] = value
    for samples in (everywhere, one_line):
        caplog.clear()
        given = replace(kspace, data=samples.copy())
        detection = detect(given, detectors[method], "fail")
        n_bad = int(np.count_nonzero(~np.isfinite(samples)))
        assert f"{n_bad} NaN or Inf samples were passed on unjudged" in detection.warning
        assert [record.exc_info for record in caplog.records] == [None]
        assert given.data.tobytes() == samples.tobytes()
        assert detection.points == ()


@pytest.mark.parametrize(("error", "has_trace"), [(RawDataError("no samples"), False), (ValueError("odd"), True)])
def test_an_error_of_ours_is_one_line_and_any_other_says_where(error, has_trace, caplog):
    class Fails:
        provider = ""
        models = ()

        def detect(self, _kspace):
            raise error

    detection = detect(make_scan(n_coils=1), Fails(), "pass")
    assert str(error) in detection.warning
    (record,) = caplog.records
    assert str(error) in record.getMessage()
    assert bool(record.exc_info) is has_trace
