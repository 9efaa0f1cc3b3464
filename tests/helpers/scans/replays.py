"""Replays of small files, and what they leave."""

from __future__ import annotations

from helpers.raw_scans import (
    chain_xml,
)

from pipelines.files.raw_file import RawFile
from pipelines.replay.replay import Replay

NO_MODELS = ("spark_detection.method=none", "calibration.method=none")


def replay(raw, output, **options):
    options.setdefault("settings", NO_MODELS)
    return Replay(raw=raw, output=output, **options).run()


def probe_chain(tmp_path, *targets, **options):
    path = tmp_path / "chain.xml"
    path.write_bytes(chain_xml(*targets, **options))
    return str(path)


def recorded(folder, case):
    return (folder / f"{case}.server_to_client.bin").read_bytes()


def contents(path):
    with RawFile(path) as raw:
        return raw.header_xml, [item.to_bytes() for item in raw]


def assert_nothing_left(folder, *expected):
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected)
