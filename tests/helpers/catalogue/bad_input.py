"""The catalogue of bad input (``tests/whole/bad_input.yaml``), and what its cases are made of."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from helpers.builders import CLOSE, acquisition, message
from helpers.small_models import make_folder
from ismrmrd.hdf5 import image_header_dtype

from gadgets.errors import DesparkError
from pipelines.messages import MessageID

CATALOGUE = yaml.safe_load((Path(__file__).parents[2] / "whole" / "bad_input.yaml").read_text())
ONE_IN = 8


def cases(kind):
    """All cases of a kind."""
    return pytest.mark.parametrize("case", CATALOGUE[kind], ids=lambda case: str(case[0]))


def sampled(kind):
    """Some cases of a kind, spread over all; the others where they are asked for."""
    params = [
        pytest.param(case, id=str(case[0]), marks=() if number % ONE_IN == 0 else pytest.mark.soak)
        for number, case in enumerate(CATALOGUE[kind])
    ]
    return pytest.mark.parametrize("case", params)


def said(run) -> str:
    """The error that something ends with; "taken" where it does not."""
    try:
        run()
    except DesparkError as error:
        return str(error)
    return "taken"


def said_by(messages) -> str:
    texts = [message.text for message in messages if message.id in (MessageID.TEXT, MessageID.ERROR)]
    return texts[0] if texts else "taken"


def check(answer, expected, door):
    assert len(answer.splitlines()) == 1, (door, answer)
    assert re.search(expected, answer), (door, answer)


def with_odd_one(fields, more):
    """Give a scan with an acquisition of these fields in it and bytes behind that, and what ends it."""
    before, after = ([acquisition(line, repetition=n) for line in range(8)] for n in range(2))
    odd = message(acquisition(**fields)) + bytes.fromhex(more)
    begun = b"".join(map(message, before[:5])) + odd
    # Half a message is the last one.
    if more.startswith("f0"):
        return begun, b""
    return begun + b"".join(map(message, [*before[5:], *after])), CLOSE


def make_image_file(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("images/image_0")
        group["data"] = np.ones((2, 1, 1, 8, 8), np.float32)
        group["header"] = np.zeros(2, image_header_dtype)
        group["attributes"] = [b"", b""]
    return path


def spoil(path: Path, operation: str, arguments) -> Path:
    """Do to a file what a case says."""
    os.mkfifo(path.with_name("pipe"))
    if operation == "bytes":
        path.write_bytes(arguments.encode())
    elif operation == "cut":
        path.write_bytes(path.read_bytes()[:arguments])
    elif operation in ("folder", "pipe", "nothing", "circle"):
        path.unlink()
        make = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "circle": lambda: path.symlink_to(path)}
        make.get(operation, lambda: None)()
    else:
        with h5py.File(path, "r+") as file:
            del file[arguments[0]]
            _put(file, operation, *arguments)
    return path


def _put(file, operation, name, value=None):
    if operation == "put":
        file[name] = value
    elif operation == "group":
        file.create_group(name)
    elif operation == "soft":
        file[name] = h5py.SoftLink(value)
    elif operation == "external":
        file[name] = h5py.ExternalLink(value, "/a")
    elif operation == "elsewhere":
        file.create_dataset(name, (4,), "u1", external=[("pipe", 0, 4)])
    elif operation == "void":
        file[name] = h5py.Empty("f")


def spoil_models(folder: Path, operation: str, arguments) -> Path:
    """Make a folder of one model and do to it what a case says."""
    role = "second_classification" if operation == "none" else "first_classification"
    make_folder(folder, normalisation="evidence-1", patch=(32, 32), region="all", role=role)
    if operation == "field":
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["models"][0][arguments[0]] = arguments[1]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    elif operation == "text":
        (folder / arguments[0]).write_bytes(arguments[1].encode("latin-1"))
    elif operation == "folder":
        return folder / "none"
    elif operation != "none":
        (folder / arguments).unlink()
        make = {"pipe": lambda path: os.mkfifo(path), "directory": Path.mkdir, "sparse": _make_sparse}
        make.get(operation, lambda _: None)(folder / arguments)
    return folder


def _make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)
