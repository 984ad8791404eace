"""The tour walks past everything that there is to see, and shows pictures that exist."""

import re
from pathlib import Path

import pytest

from webapp.analytics.permissions import PAGES
from webapp.feed.lens.views import TABS

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "docs" / "tour.md"
HEADINGS = re.findall(r"^#+ (.+)$", TOUR.read_text(), re.MULTILINE)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.mark.parametrize("title", [page.title for page in PAGES])
def test_tour_has_a_section_for_each_staff_page(title: str) -> None:
    assert title in HEADINGS


@pytest.mark.parametrize("label", [label for _, _, label in TABS])
def test_tour_has_a_section_for_each_part_of_the_lens(label: str) -> None:
    assert label in HEADINGS


@pytest.mark.parametrize("document", [TOUR, ROOT / "README.md"], ids=lambda path: path.name)
def test_pictures_exist_and_are_told_in_words(document: Path) -> None:
    pictures = IMAGE.findall(document.read_text())
    assert pictures
    for words, path in pictures:
        assert (document.parent / path).is_file(), path
        assert len(words.split()) > 3, path


def test_every_picture_is_shown() -> None:
    shown = {path for _, path in IMAGE.findall(TOUR.read_text())}
    assert shown == {f"tour/{path.name}" for path in (ROOT / "docs" / "tour").iterdir()}


def test_tour_says_which_command_takes_its_pictures() -> None:
    assert "make screenshots" in TOUR.read_text()
    assert re.search(r"^screenshots:", (ROOT / "Makefile").read_text(), re.MULTILINE)
