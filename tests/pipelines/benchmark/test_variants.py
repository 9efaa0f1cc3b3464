import pytest

from gadgets.errors import SettingsError
from pipelines.benchmark.variants import read_properties, read_variants


def test_a_variant_adds_its_settings_to_the_common_ones():
    common = {"spark_detection.threshold": "0.5", "calibration.method": "auto"}
    variants = read_variants(
        ["FIG. 9:spark_detection.method=calibrate, calibration.method=zero", "as it is", "list:a.b=1,2,c.d=x:y"],
        common,
        (),
    )
    assert list(variants) == ["FIG. 9", "as it is", "list"]
    assert variants["FIG. 9"] == {
        "spark_detection.threshold": "0.5",
        "spark_detection.method": "calibrate",
        "calibration.method": "zero",
    }
    assert variants["as it is"] == common
    assert variants["list"] == {**common, "a.b": "1,2", "c.d": "x:y"}


@pytest.mark.parametrize("text", ["calibration.method=zero", ":calibration.method=zero", ""])
def test_a_variant_needs_a_name(text):
    with pytest.raises(SettingsError, match=r"--variant: expected NAME:NODE\.PROPERTY=VALUE,…, found"):
        read_variants([text], {}, ())


@pytest.mark.parametrize("text", ["a:method=zero", "a:calibration.method"])
def test_a_setting_of_a_variant_needs_node_and_value(text):
    with pytest.raises(SettingsError, match=r"--variant: expected NODE\.PROPERTY=VALUE, found"):
        read_variants([text], {}, ())


@pytest.mark.parametrize(("texts", "taken"), [(["a:", "a:"], ()), (["a:"], ("a", "b"))])
def test_names_differ(texts, taken):
    with pytest.raises(SettingsError, match="--variant: expected names that differ, found 'a' twice"):
        read_variants(texts, {}, taken)


def test_settings_are_those_of_the_chain(tmp_path):
    assert read_properties(["spark_detection.threshold=0.9"], None) == {"spark_detection.threshold": "0.9"}
    assert read_properties([], tmp_path)["spark_detection.models"] == str(tmp_path)
    for wrong in ("spark_detection.threshold", "threshold=0.9"):
        with pytest.raises(SettingsError, match=r"expected NODE\.PROPERTY=VALUE"):
            read_properties([wrong], None)
