"""The catalogue of bad input through the doors that take longer: whole commands, and nodes in processes of their own.

Each eighth case every time, all of them where they are asked for (``pytest -m soak``).
"""

from __future__ import annotations

import pytest
from helpers.catalogue.bad_input import (
    cases,
    check,
    make_image_file,
    said,
    said_by,
    sampled,
    spoil,
    spoil_models,
    with_odd_one,
)
from helpers.raw_scans import converse, make_raw_file, raw_waveform, scan_bytes, scan_items

from pipelines.chains import Trust, packaged_chain
from pipelines.commands.command_line import main
from pipelines.host import Host
from pipelines.replay import open_models

DROP_IN = packaged_chain("repair_raw").with_settings(("spark_detection.method=none", "calibration.record=off"))


def despark(capsys, *words) -> str:
    """Run a command that has to fail, and give the one line that it says."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words), "-q"])
    assert ended.value.code not in (0, None)
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return " ".join(line.strip() for line in printed.err.splitlines())


@sampled("acquisitions")
def test_acquisitions_through_a_node_of_serve(case):
    _, fields, more, answer = case
    data, close = with_odd_one(fields, more)
    opening = scan_bytes(DROP_IN.xml, [], close=b"")
    with Host() as host:
        got = converse(host.address, opening + data + close, half_close=not close)
    check(said_by(got), answer, "serve")
    if answer == "taken":
        assert b"".join(bytes(each.data) for each in got[:-1]) == data


@cases("settings")
def test_settings_of_stream(case):
    _, assignment, answer = case
    check(said(lambda: open_models(packaged_chain("repair_raw").with_settings((assignment,)))), answer, "stream")


@sampled("raw_file")
def test_raw_files_that_are_inspected(case, tmp_path, capsys):
    _, operation, arguments, answer = case
    path = spoil(make_raw_file(tmp_path / "raw.h5", [*scan_items(), raw_waveform()]), operation, arguments)
    # Of a folder, this command inspects all files.
    check(despark(capsys, "inspect", path), "found none" if operation == "folder" else answer, "inspect")


@sampled("image_file")
def test_image_files_of_the_command(case, tmp_path, capsys):
    _, operation, arguments, answer = case
    path = spoil(make_image_file(tmp_path / "images.h5"), operation, arguments)
    check(despark(capsys, "image", path, "-o", tmp_path / "o.h5"), answer, "image")


@sampled("models")
def test_models_of_serve(case, tmp_path):
    _, operation, arguments, answer = case
    models = tmp_path / "models"
    models.mkdir()
    folder = spoil_models(models, operation, arguments)
    chosen = (f"spark_detection.models={folder}", "spark_detection.provider=cpu", "calibration.record=off")
    chain = packaged_chain("repair_raw").with_settings(chosen)
    with Host(trust=Trust(folders=(tmp_path,))) as host:
        got = converse(host.address, scan_bytes(chain.xml))
    # Within a scan what cannot be opened costs judgement, and no readout.
    assert [bytes(each.data)[2:] for each in got[:-1]] == [item.to_bytes() for item in scan_items()], answer
