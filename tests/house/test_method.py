"""What single pages promise: all settings, and all rows of the method."""

from __future__ import annotations

import re

import pytest
from helpers.catalogue.pages import LINK, ROOT, read

from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.settings.page import page as settings_page

METHOD = ROOT / "gadgets" / "METHOD.md"


def rows_of_the_method() -> list[list[str]]:
    """Row, what, setting, file and test of each capability."""
    rows = [line for line in read(METHOD).splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


def test_the_page_of_settings_is_that_of_the_settings():
    assert read(ROOT / "gadgets" / "SETTINGS.md") == settings_page(), (
        "the settings have changed: python -m gadgets.settings.page > gadgets/SETTINGS.md"
    )


@pytest.mark.parametrize("node", NODE_SETTINGS)
def test_every_setting_says_what_it_is_for(node):
    fields = NODE_SETTINGS[node].model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_the_method_has_all_its_rows_each_with_what_does_it_and_a_test():
    rows = rows_of_the_method()
    assert [int(row[0]) for row in rows] == list(range(1, 27))
    for _, what, setting, files, tests in rows:
        assert what
        assert setting
        assert LINK.findall(files)
        named = LINK.findall(tests)
        assert named
        assert all(re.fullmatch(r"\.\./tests/(?:[\w/]+/)?test_\w+\.py", test) for test in named)


def test_the_method_names_settings_that_there_are():
    known = NODE_SETTINGS["spark_detection"].model_fields | {
        f"calibration.{name}": field for name, field in NODE_SETTINGS["calibration"].model_fields.items()
    }
    for row in rows_of_the_method():
        for text in re.findall(r"`([^`]+)`", row[2]):
            name, _, value = text.partition("=")
            if text.startswith("despark "):
                continue
            assert name in known or any(name in field_values(field) for field in known.values()), text
            assert not value or value in field_values(known[name]), text


def field_values(field) -> tuple[str, ...]:
    return tuple(str(value) for value in getattr(field.annotation, "__args__", ()))


def test_the_method_names_every_setting_of_detection_but_those_of_every_node():
    named = {text.partition("=")[0] for row in rows_of_the_method() for text in re.findall(r"`([^`]+)`", row[2])}
    common = {"provider", "models", "time_limit", "threads", "on_failure"}
    # Below the rows, since the source document has none of it.
    beyond_the_source = {"series_memory"}
    assert all(f"`{name}`" in METHOD.read_text(encoding="utf-8") for name in beyond_the_source)
    assert set(NODE_SETTINGS["spark_detection"].model_fields) - common - beyond_the_source <= named
