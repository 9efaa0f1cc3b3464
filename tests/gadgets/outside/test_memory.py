"""How much memory a scan may ask for."""

import resource

import pytest

from gadgets.errors import SettingsError
from gadgets.outside import memory_limit
from gadgets.outside.memory import machine_bytes


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.delenv("DESPARK_MEMORY_LIMIT", raising=False)
    machine_bytes.cache_clear()
    yield
    machine_bytes.cache_clear()


def test_it_is_a_share_of_what_the_process_can_have(monkeypatch, tmp_path):
    container = tmp_path / "memory.max"
    monkeypatch.setattr("gadgets.outside.memory._CONTAINER", (container, tmp_path / "none"))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    container.write_text("max\n")
    whole = memory_limit()
    assert whole > 1 << 28
    machine_bytes.cache_clear()
    container.write_text(f"{1 << 28}\n")
    assert memory_limit() == 1 << 26
    machine_bytes.cache_clear()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 27, resource.RLIM_INFINITY))
    assert memory_limit() == 1 << 25


def test_the_environment_sets_it(monkeypatch):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", "1.5")
    assert memory_limit() == 3 << 29


@pytest.mark.parametrize("text", ["much", "0", "-1", "nan", "inf"])
def test_what_is_no_amount_is_refused(monkeypatch, text):
    monkeypatch.setenv("DESPARK_MEMORY_LIMIT", text)
    with pytest.raises(SettingsError, match="DESPARK_MEMORY_LIMIT: expected a number of gigabytes above 0, below"):
        memory_limit()
