"""The OpenRecon label: what the scanner asks for is there, and its parameters are settings. No scanner was at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from helpers.paths import ROOT

from pipelines.chains import packaged_chain
from pipelines.host.parameters import read_parameters
from pipelines.version import despark_version

LABEL = json.loads((ROOT / "docker" / "openrecon.json").read_text(encoding="utf-8"))
NEEDED = {
    "general": {"name": dict, "version": str, "vendor": str, "information": dict, "id": str}
    | {"regulatory_information": dict},
    "reconstruction": {"transfer_protocol": dict, "port": int, "emitter": str, "injector": str}
    | {"can_process_adjustment_data": bool, "can_use_gpu": bool, "min_count_required_gpus": int}
    | {"min_required_gpu_memory": int, "min_required_memory": int, "min_count_required_cpu_cores": int}
    | {"content_qualification_type": str},
}
"""Fields of the public schema, and their types."""

OF_EACH = {"id", "type", "label", "default", "information"}
OF_A_KIND = {"choice": {"values"}, "double": {"minimum", "maximum"}, "boolean": set(), "string": set()}
MOST_PARAMETERS = 14


@pytest.mark.parametrize("part", NEEDED)
def test_every_field_is_there(part):
    assert {name: type(value) for name, value in LABEL[part].items()} == NEEDED[part]


def test_it_is_for_research_and_of_this_version():
    assert LABEL["reconstruction"]["content_qualification_type"] == "RESEARCH"
    assert LABEL["general"]["version"] == despark_version()
    assert LABEL["reconstruction"]["emitter"] == "raw"


def test_parameters_have_what_their_kind_needs():
    assert 0 < len(LABEL["parameters"]) <= MOST_PARAMETERS
    for parameter in LABEL["parameters"]:
        assert set(parameter) - {"unit"} == OF_EACH | OF_A_KIND[parameter["type"]]
        if parameter["type"] == "choice":
            assert parameter["default"] in [value["id"] for value in parameter["values"]]
    names = [parameter["id"] for parameter in LABEL["parameters"]]
    assert len(set(names)) == len(names)


def test_every_choice_is_a_setting_that_the_host_takes():
    for parameter in LABEL["parameters"]:
        values = [value["id"] for value in parameter.get("values", [])] or [parameter["minimum"], parameter["maximum"]]
        for value in values:
            found = read_parameters(json.dumps({"parameters": {parameter["id"]: value}}))
            if parameter["id"] == "config":
                packaged_chain(found.configuration).check_runnable()
            else:
                assert found.settings
                packaged_chain("spark_calibration").with_settings(found.settings)


def test_the_image_listens_where_the_label_says():
    dockerfile = (ROOT / "docker" / "worker.Dockerfile").read_text(encoding="utf-8")
    stage = dockerfile.split("FROM runtime AS openrecon")[1].split("\nFROM ")[0]
    port = LABEL["reconstruction"]["port"]
    assert f"EXPOSE {port}\n" in stage
    command = json.loads(re.search(r"^CMD (\[\"serve.*\])$", stage, re.MULTILINE)[1])
    assert command[command.index("--port") + 1] == str(port)
    assert command[command.index("--default-chain") + 1] == LABEL["parameters"][0]["default"]


def test_the_systemd_unit_is_in_order():
    unit = ROOT / "docker" / "despark-worker.service"
    content = unit.read_text(encoding="utf-8")
    grace = int(re.search(r"--grace (\d+)", content)[1])
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", content, re.MULTILINE)[1]) > grace
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze to verify the unit itself")
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60
    )
    # The program that it starts, and its user, are not here.
    said = [line for line in result.stderr.splitlines() if "despark-worker" in line and "is not executable" not in line]
    assert said == []
