"""Typical mistakes: each ends in one clear message that says what to do, and never in what a library dumped."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import h5py
import pytest
from helpers.foreign_messages import image_bytes
from helpers.raw_scans import chain_xml, make_raw_file, scan_items

import pipelines
from pipelines.commands.command_line import main
from pipelines.files.images.raw_image import ImageWriter, RawImage

MOST_LINES = 5
DUMPS = ("Traceback", "pydantic", "[type=", "validation error", "ONNXRuntimeError", "errors.pydantic.dev")
REPAIR_RAW = (Path(pipelines.__file__).parent / "chains" / "repair_raw.xml").read_bytes()

MISTAKES = {
    "a command's name": ("repaly raw.h5", "did you mean 'replay'?"),
    "an option's name": ("replay raw.h5 -o out.h5 --pipline repair_raw", "--pipeline"),
    "no output": ("replay raw.h5", "Missing option '--output'"),
    "no such input": ("replay nothere.h5 -o out.h5", "nothere.h5: no such file"),
    "no such folder": ("replay raw.h5 -o nothere/out.h5", "nothere/out.h5: the folder nothere does not exist"),
    "the output is the input": ("replay raw.h5 -o raw.h5", "the output would overwrite the input"),
    "an output that nobody can write": ("replay raw.h5 -o out.mat", "MRD (.h5), DICOM (.dcm, or a folder), NIfTI"),
    "images on standard output": ("replay raw.h5 -o -", "despark stream"),
    "an output of an endless name": (f"replay raw.h5 -o {'x' * 300}.h5", "xxx.h5: File name too long"),
    "an output without an ending": ("replay raw.h5 -o out", "for a folder: -o out/"),
    "many slices into one DICOM file": ("replay two.h5 -o out.dcm", "name a folder: -o out/"),
    "raw data into a picture": ("replay raw.h5 -o out.png --pipeline repair_raw", "name a file that ends with .h5"),
    "many files into one": ("replay raw.h5 two.h5 -o out.h5", "as in -o '{}.h5'"),
    "images given to replay": ("replay images.h5 -o out.h5", "despark image"),
    "raw data given to image": ("image raw.h5 -o out.h5", "despark replay"),
    "a raw file of GE": ("replay P01.7 -o out.h5", "ge_to_ismrmrd"),
    "a text for a raw file": ("replay notes.txt -o out.h5", "notes.txt: not an HDF5 file"),
    "another group": ("replay raw.h5 -o out.h5 --group data", "no group 'data' (the file has 'dataset')"),
    "a pipeline's name": ("replay raw.h5 -o out.h5 --pipeline repair-raw", "did you mean 'repair_raw'?"),
    "a chain without a writer": ("replay raw.h5 -o out.h5 --pipeline no_writer.xml", "AcquisitionWriter</classname>"),
    "a chain that is no XML": ("replay raw.h5 -o out.h5 --pipeline notes.txt", "notes.txt: not well-formed XML"),
    "a module that is not there": ("replay raw.h5 -o out.h5 --pipeline foreign.xml", "no_such_module"),
    "a setting's name": ("replay raw.h5 -o out.h5 --set spark_detection.thresold=1", "did you mean 'threshold'?"),
    "a setting without its node": ("replay raw.h5 -o out.h5 --set threshold=1", "'spark_detection.threshold'?"),
    "a setting that is no number": (
        "replay raw.h5 -o out.h5 --set spark_detection.threshold=high",
        "spark_detection.threshold: expected a number, found 'high'",
    ),
    "a setting that is too large": (
        "replay raw.h5 -o out.h5 --set spark_detection.threshold=5",
        "spark_detection.threshold: expected at most 1.0, found '5'",
    ),
    "a setting of a few words": (
        "replay raw.h5 -o out.h5 --set calibration.method=interpolate",
        "found 'interpolate', did you mean 'interpolation'?",
    ),
    "models that are not there": (
        "replay raw.h5 -o out.h5 --set spark_detection.models=nothere",
        "nothere/manifest.json: expected a manifest of models",
    ),
    "a server without its port": ("replay raw.h5 -o out.h5 --host localhost", "--host: expected HOST:PORT, such as"),
    "a server that does not run": ("replay raw.h5 -o out.h5 --host 127.0.0.1:1", "127.0.0.1:1 (Connection refused)"),
    "an address that is empty": ("serve --bind ''", "expected an address to listen on, found none"),
    "a worker's address that is empty": ("worker --port 0 --bind ''", "expected an address to listen on, found none"),
    "a console's address that is empty": (
        "console --port 0 --record scans.db --bind ''",
        "console: expected an address to listen on, found none",
    ),
    "an address that is no text": ("serve --port 0 --bind \udcff", "cannot listen on \\udcff (expected the address"),
    "a console's address that is no text": ("console --port 0 --record a.db --bind \udcff", "listen on \\udcff (exp"),
    "a folder of a variable that is not set": (
        "serve --allow-folder ''",
        "allow-folder: expected a path, found nothing",
    ),
    "an archive of such a variable": ("worker --archive=", "archive: expected a path, found nothing"),
    "a scan of such a variable": ("inspect raw.h5 ''", "files: expected a path, found nothing"),
    "more sparks than any number": (f"simulate raw.h5 out.h5 --truth t --events {'9' * 30}", "--events"),
    "half an address": ("serve --allow-address [::1", "--allow-address: expected HOST:PORT"),
    "a port that is none": ("serve --port 99999", "--port"),
    "a node's name for a worker": ("worker --node raw_repiar=9014", "raw_repair, found 'raw_repiar=9014'"),
    "a port of endless digits": (f"worker --node raw_repair={'9' * 5000}", "--node: expected NAME=PORT"),
    "repetitions without end": (
        "simulate raw.h5 out.h5 --truth t.json --repetitions 0-999999999999",
        "--repetitions: expected numbers and ranges as 0,3-5, found '0-999999999999'",
    ),
    "sparks beyond what a readout holds": ("simulate raw.h5 out.h5 --truth t.json --rnr-max 1e308", "--rnr-max"),
    "a setting in a worker's file": ("worker --settings thresold.json", "thresold.json: spark_detection: unknown"),
    "a node in a worker's file": ("worker --settings node.json", "node.json: unknown node 'spark_detecton', did you"),
    "a worker's file that is no JSON": ("worker --settings notes.txt", "notes.txt: not JSON"),
    "a truth that is none": ("accept raw.h5 raw.h5 --truth notes.txt", "notes.txt"),
    "a result in the place of a scan": ("accept raw.h5 two.h5 --json two.h5", "two.h5: would overwrite two.h5"),
    "a result in the place of another scan": (
        "inspect raw.h5 --json two.h5",
        "two.h5: would overwrite two.h5, which is no",
    ),
    "a truth in the place of another scan": ("simulate raw.h5 out.h5 --truth two.h5", "two.h5: would overwrite two.h5"),
    "a table in the place of a scan": ("log --record nothere.db --csv two.h5", "two.h5: would overwrite two.h5"),
    "scores in the place of a scan": ("benchmark raw.h5 --json ./raw.h5", "raw.h5: would overwrite raw.h5"),
    "a picture in the place of a scan": ("benchmark raw.h5 --plot raw.h5", "raw.h5: would overwrite raw.h5"),
    "a result in the place of images": ("image images.h5 -o out.h5 --json images.h5", "would overwrite images.h5"),
    "a result in the place of its truth": ("simulate raw.h5 out.h5 --truth t --json t", "t: would overwrite t"),
    "a table in the place of the record": ("log --record raw.h5 --csv raw.h5", "raw.h5: would overwrite raw.h5"),
    "models made of the file that tells of them": ("train raw.h5 -o m --json raw.h5", "would overwrite raw.h5"),
    "a node's report in a scan": ("replay raw.h5 -o out.h5 --set calibration.report=two.h5", "found something else"),
    "sparks without a place for the truth": ("simulate raw.h5 out.h5", "Missing option '--truth'"),
    "quiet and verbose at once": ("replay raw.h5 -o out.h5 -q -v", "expected --verbose or --quiet, found both"),
}
VARIABLES = {
    "DESPARK_SPARK_DETECTION_THRESOLD": ("1", "unknown property 'thresold', did you mean 'threshold'?"),
    "DESPARK_CALIBRATION_METHOD": ("foo", "calibration.method: expected one of auto, zero"),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the files that people mix up."""
    folder = tmp_path_factory.mktemp("desk")
    make_raw_file(folder / "raw.h5")
    make_raw_file(folder / "two.h5", scan_items(n_slices=2))
    with h5py.File(folder / "images.h5", "w") as file:
        ImageWriter(file).append(RawImage.from_bytes(image_bytes()))
    (folder / "P01.7").write_bytes(bytes(1000))
    (folder / "notes.txt").write_text("buy milk")
    no_writer = REPAIR_RAW.replace(b"AcquisitionWriter", b"WaveformWriter")
    (folder / "no_writer.xml").write_bytes(no_writer)
    (folder / "foreign.xml").write_bytes(chain_xml("gadget", module="no_such_module"))
    (folder / "thresold.json").write_text(json.dumps({"spark_detection": {"thresold": 1}}))
    (folder / "node.json").write_text(json.dumps({"spark_detecton": {}}))
    return folder


def said(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_clear_message(desk, monkeypatch, capsys, mistake):
    monkeypatch.chdir(desk)
    command, message = MISTAKES[mistake]
    code, text = said(shlex.split(command), capsys)
    assert code in (1, 2)
    assert message in " ".join(text.split())
    assert [dump for dump in DUMPS if dump in text] == []
    # One line says what is being done; a wrong call also brings three of usage.
    assert len(text.strip().splitlines()) <= MOST_LINES
    assert not (desk / "out.h5").exists()


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_is_named(monkeypatch, capsys, variable):
    value, message = VARIABLES[variable]
    monkeypatch.setenv(variable, value)
    code, text = said(["worker", "--port", "0"], capsys)
    assert code == 1
    assert f"{variable}: " in text
    assert message in text


def test_there_are_thirty():
    assert len(MISTAKES) + len(VARIABLES) >= 30
