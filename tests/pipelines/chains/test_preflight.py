"""What a set-up lacks shows before the scan."""

import pytest

from gadgets.errors import ModelError, StoreError
from pipelines.chains.packaged import find_chain
from pipelines.chains.preflight import check_models, check_reports


@pytest.mark.parametrize("pipeline", ["spark_calibration", "repair_raw"])
def test_a_repair_by_a_network_needs_its_model_before_the_scan(pipeline, tmp_path):
    settings = ["spark_detection.method=none", f"calibration.models={tmp_path}", "calibration.method=network"]
    chain = find_chain(pipeline).with_settings(settings)
    with pytest.raises(ModelError, match="expected a manifest of models"):
        check_models(chain)
    check_models(find_chain(pipeline).with_settings([*settings[:2], "calibration.method=auto"]))


@pytest.mark.parametrize(("pipeline", "node"), [("spark_calibration", "calibration"), ("repair_raw", "raw_repair")])
def test_a_report_that_cannot_be_written_shows_before_the_scan(pipeline, node, tmp_path):
    chain = find_chain(pipeline).with_settings([f"calibration.report={tmp_path}/missing/r.jsonl"])
    with pytest.raises(StoreError, match=rf"{node}.report: cannot write .*missing.*No such file"):
        check_reports(chain)
    check_reports(find_chain(pipeline).with_settings(["calibration.report= none "]))
