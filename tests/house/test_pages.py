"""The pages are true: links lead somewhere, and what they name exists."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from helpers.catalogue.pages import EVERY_PAGE, LINK, NAMES, PAGES, ROOT, blocks_of, read, without_blocks

from gadgets.settings.definitions import NODE_SETTINGS
from pipelines.commands.command_line import COMMANDS

IN_THE_TREE = re.compile(r"(?:gadgets|pipelines|onnx_models|docker|tests)(?:/[\w.*-]+)+/?")
BESIDE_THE_PAGE = re.compile(r"[\w*][\w/*-]*\.py")
MODULE = re.compile(r"(?:gadgets|pipelines|onnx_models)(?:\.[a-z_0-9]+)+")
WIDEST = 120
LONGEST_FIRST_PAGE = 170


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
