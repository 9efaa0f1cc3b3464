"""The pages of the project: which there are, and what they are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


PAGES = sorted(
    path
    for pattern in ("*.md", "gadgets/**/*.md", "pipelines/**/*.md", "docker/*.md", "onnx_models/**/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)


NAMES = {path: path.relative_to(ROOT).as_posix() for path in PAGES}


EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=NAMES.get)


FENCE = re.compile(r"```+|~~~+")


NEEDS = re.compile(r"<!-- needs: \S.* -->")


LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")


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
