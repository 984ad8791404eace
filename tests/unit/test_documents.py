"""What the documents name is there: pages and headings they link, files, tests, make's targets and commands."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
FOLDERS = "recsys|webapp|templates|tests|benchmarks|loadtest|docs|deploy"
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")
TEST = re.compile(r"`(test_\w+)(?:\.py)?`")
TARGET = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+) .*#", re.MULTILINE)
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
MODULE = re.compile(r"python -m ((?:recsys|webapp|benchmarks|loadtest)[\w.]*)")

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@each_document
def test_links_lead_somewhere(path: Path) -> None:
    for name, heading in LINK.findall(path.read_text()):
        target = path.parent / name if name else path
        assert target.exists(), name
        assert not heading or heading in headings(target), f"{name}#{heading}"


@each_document
def test_files_and_tests_that_are_named_are_there(path: Path) -> None:
    text = path.read_text()
    assert [name for name in FILE.findall(text) if not (ROOT / name).exists()] == []
    assert [name for name in TEST.findall(text) if name not in named_tests()] == []


@each_document
def test_commands_that_are_named_are_there(path: Path) -> None:
    text = path.read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {one or other for one, other in TARGET.findall(text)} <= set(targets)
    commands = {file.stem for file in ROOT.glob("webapp/**/management/commands/*.py")} | {
        "check",
        "changepassword",
        "collectstatic",
        "migrate",
    }
    assert set(COMMAND.findall(text)) <= commands
    for module in MODULE.findall(text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module


def headings(path: Path) -> set[str]:
    """Return what a page's headings are called in an address."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@cache
def named_tests() -> set[str]:
    """Return the names of all tests and their modules."""
    modules = list(ROOT.glob("tests/**/*.py"))
    named = (re.findall(r"def (test_\w+)", module.read_text()) for module in modules)
    return {module.stem for module in modules}.union(*named)
