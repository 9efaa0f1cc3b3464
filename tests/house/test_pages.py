"""The pages are true: links lead somewhere, what they name exists, and the commands that they show work.

A block of commands is run as it stands, page by page and in the page's order, in a folder with a small scan in it. A
block that needs what is not there says so in the line before it: ``<!-- needs: a running Gadgetron -->``.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gadgets.settings.definitions import NODE_SETTINGS
from gadgets.settings.page import page as settings_page
from pipelines.commands.command_line import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "gadgets/**/*.md", "pipelines/**/*.md", "docker/*.md", "onnx_models/**/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = {path: path.relative_to(ROOT).as_posix() for path in PAGES}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=NAMES.get)

METHOD = ROOT / "gadgets" / "METHOD.md"
FENCE = re.compile(r"```+|~~~+")
NEEDS = re.compile(r"<!-- needs: \S.* -->")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
IN_THE_TREE = re.compile(r"(?:gadgets|pipelines|onnx_models|docker|tests)(?:/[\w.*-]+)+/?")
BESIDE_THE_PAGE = re.compile(r"[\w*][\w/*-]*\.py")
MODULE = re.compile(r"(?:gadgets|pipelines|onnx_models)(?:\.[a-z_0-9]+)+")
PORTS = range(9002, 9015)
LIMIT_S = 120
WIDEST = 120
LONGEST_FIRST_PAGE = 170


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: where it begins, its language, and whether it needs what is not there."""

    line: int
    language: str
    text: str
    needs: bool


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks_of(page: Path) -> list[Block]:
    found = []
    lines = iter(enumerate(read(page).splitlines(), 1))
    before = ""
    for number, line in lines:
        if fence := FENCE.match(line.strip()):
            indent, language = line[: line.index(fence[0])], line.strip().removeprefix(fence[0])
            text = ""
            for _, inner in lines:
                if inner.strip() == fence[0]:
                    break
                text += f"{inner.removeprefix(indent)}\n"
            else:
                pytest.fail(f"{NAMES[page]}: the block of line {number} does not end")
            found.append(Block(number, language, text, bool(NEEDS.fullmatch(before))))
        before = line.strip()
    return found


def without_blocks(page: Path) -> str:
    """The page without its blocks and comments."""
    prose = re.sub(r"^[ ]*(```+|~~~+).*?^[ ]*\1$", "", read(page), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", prose, flags=re.DOTALL)


def headings_of(page: Path) -> list[str]:
    return re.findall(r"^#{1,6} (.+?)\s*#*$", without_blocks(page), re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings: small letters, words joined by hyphens, no other marks."""
    anchors: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in headings_of(page):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def in_backticks(page: Path) -> list[str]:
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", without_blocks(page))


def rows_of_the_method() -> list[list[str]]:
    """Row, what, setting, file and test of each capability."""
    rows = [line for line in read(METHOD).splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


@EVERY_PAGE
def test_a_link_leads_to_a_file_and_to_a_heading_of_it(page):
    broken = []
    for link in LINK.findall(without_blocks(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors_of(target):
            broken.append(f"{link}: no such heading")
    assert broken == []


@EVERY_PAGE
def test_a_file_or_module_that_a_page_names_exists(page):
    missing = []
    for text in in_backticks(page):
        paths = IN_THE_TREE.findall(text) if "//" not in text and "ghcr.io" not in text else []
        paths += [text] if BESIDE_THE_PAGE.fullmatch(text) else []
        missing += [name for name in paths if not exists_as_path(name, page)]
        if MODULE.fullmatch(text) and not exists_as_module(text):
            missing.append(text)
    assert missing == []


def exists_as_path(name: str, page: Path) -> bool:
    """Whether something is there under a name, seen from the root or from the page; the name may hold a star."""
    return any(list(folder.glob(name.rstrip("/"))) for folder in (ROOT, page.parent))


def exists_as_module(name: str) -> bool:
    """Whether a dotted name is a module, or something that stands in one."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, _, inner = name.rpartition(".")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py")
    return source.is_file() and re.search(rf"^(?:def |class |){inner}\b", source.read_text(), re.MULTILINE) is not None


@EVERY_PAGE
def test_a_command_that_a_page_names_exists(page):
    quoted = re.findall(r"`despark ([a-z]+)", without_blocks(page))
    typed = [
        name
        for block in blocks_of(page)
        if block.language in ("sh", "console")
        for name in re.findall(r"(?:^|[;&|(]\s*)despark ([a-z]+)", block.text, re.MULTILINE)
    ]
    assert {*quoted, *typed} <= set(COMMANDS)


@EVERY_PAGE
def test_a_setting_that_a_page_names_with_its_node_exists(page):
    unknown = []
    for node, name in re.findall(rf"\b({'|'.join(NODE_SETTINGS)})\.([a-z_]+)\b(?!\.)", read(page)):
        is_a_file_or_module = name in ("py", "json", "xml") or name in NODE_SETTINGS
        if not is_a_file_or_module and name not in NODE_SETTINGS[node].model_fields:
            unknown.append(f"{node}.{name}")
    assert unknown == []


@EVERY_PAGE
def test_a_page_begins_with_one_heading(page):
    assert read(page).startswith("# ")
    assert len(re.findall(r"^# ", without_blocks(page), re.MULTILINE)) == 1


@EVERY_PAGE
def test_a_block_of_xml_or_json_is_well_formed(page):
    for block in blocks_of(page):
        if block.language == "xml":
            ElementTree.fromstring(f"<page>{re.sub(r'<[?].*?[?]>', '', block.text)}</page>")
        if block.language == "json":
            json.loads(block.text)


def is_prose(line: str) -> bool:
    """Whether a line may be broken anywhere: tables, images and bare links may not."""
    return not line.lstrip().startswith(("|", "![")) and " " in line.strip()


@pytest.mark.parametrize("page", [page for page in PAGES if "/cards/" not in NAMES[page]], ids=NAMES.get)
def test_a_line_of_prose_is_not_too_wide(page):
    assert [line for line in without_blocks(page).splitlines() if len(line) > WIDEST and is_prose(line)] == []


def test_the_first_page_is_short():
    assert len(read(ROOT / "README.md").splitlines()) <= LONGEST_FIRST_PAGE


# What the pages show is done -------------------------------------------------------------------------------------


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


# What single pages promise ---------------------------------------------------------------------------------------


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
