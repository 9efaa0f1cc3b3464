"""What a set-up lacks shows before the scan."""

import pytest

from gadgets.errors import ModelError
from pipelines.chains.packaged import find_chain
from pipelines.chains.preflight import check_models


@pytest.mark.parametrize("pipeline", ["spark_calibration", "repair_raw"])
def test_a_repair_by_a_network_needs_its_model_before_the_scan(pipeline, tmp_path):
    settings = ["spark_detection.method=none", f"calibration.models={tmp_path}", "calibration.method=network"]
    chain = find_chain(pipeline).with_settings(settings)
    with pytest.raises(ModelError, match="expected a manifest of models"):
        check_models(chain)
    check_models(find_chain(pipeline).with_settings([*settings[:2], "calibration.method=auto"]))
