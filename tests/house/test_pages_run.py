"""What the pages show is done, as it stands there.

A block of commands is run page by page and in the page's order, in a folder with a small scan in it. A block that needs
what is not there says so in the line before it: ``<!-- needs: a running Gadgetron -->``.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.catalogue.pages import EVERY_PAGE, NAMES, PAGES, ROOT, Block, blocks_of

PORTS = range(9002, 9015)


LIMIT_S = 120


@pytest.fixture
def scratch(tmp_path, phantom_file):
    """Folder of a reader: a small scan under the names that the pages give to theirs."""
    for name in ("scan.h5", "clean.h5", "monday.h5", "tuesday.h5"):
        shutil.copy(phantom_file, tmp_path / name)
    shutil.copy(ROOT / "pipelines" / "chains" / "repair_raw.xml", tmp_path / "chain.xml")
    return tmp_path


def free_ports() -> dict[str, str]:
    """As many free ports in a row as the pages name: another test, or a Gadgetron, may use theirs."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as found:
            first = found.getsockname()[1]
        if first + len(PORTS) > 65535:
            continue
        # One by one: what a list in the making has opened would be lost when the next port is taken.
        with ExitStack() as opened:
            try:
                for number in range(len(PORTS)):
                    opened.enter_context(socket.create_server(("127.0.0.1", first + number)))
            except OSError:
                continue
            return {str(port): str(first + number) for number, port in enumerate(PORTS)}


def run(command: list[str], folder: Path, where: str) -> None:
    """Run what a reader types; it ends in time and well, and leaves nothing running."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            said = f"still running after {LIMIT_S} s"
            os.killpg(process.pid, 9)
            process.wait()
    assert process.returncode == 0, f"{where} ended with {process.returncode}:\n{said}"


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks_of(page) if block.language in ("sh", "python") and not block.needs]


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=NAMES.get)
def test_what_a_page_tells_its_reader_to_type_works(page, scratch, monkeypatch):
    monkeypatch.chdir(scratch)
    ports = free_ports()
    names: dict[str, object] = {}
    for block in runnable(page):
        where = f"{NAMES[page]}, line {block.line}"
        if block.language == "sh":
            text = re.sub(r"\b9\d\d\d\b", lambda port: ports.get(port[0], port[0]), block.text)
            run(["bash", "-euo", "pipefail", "-c", text], scratch, where)
        elif block.text.lstrip().startswith(">>>"):
            run_examples(block, names, where)
        else:
            run([sys.executable, "-W", "error", "-c", block.text], scratch, where)


def run_examples(block: Block, names: dict[str, object], where: str) -> None:
    """Compare what Python answers with what the page says; a page goes on with the names that it had."""
    answers: list[str] = []
    examples = doctest.DocTestParser().get_doctest(block.text, names, where, None, block.line)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed = runner.run(examples, out=answers.append, clear_globs=False).failed
    names |= examples.globs
    assert failed == 0, f"{where}:\n{''.join(answers)}"


@EVERY_PAGE
def test_a_block_in_no_language_holds_no_commands(page):
    """Or it would be run by nobody, neither here nor, as they are marked, by a reader without what they need."""
    plain = [block for block in blocks_of(page) if block.language in ("", "text") and "/cards/" not in NAMES[page]]
    assert [block.line for block in plain if re.search(r"^\$? ?(despark|python|pip|docker)", block.text, re.M)] == []
