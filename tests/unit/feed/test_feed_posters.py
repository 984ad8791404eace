"""Posters: the same on every visit, kin on one shelf, and legible."""

import itertools
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.events import ItemUpserted
from webapp.feed import figures
from webapp.feed.posters import _FIGURES, HUES, poster, texture

CSS = Path(__file__).parents[3] / "webapp" / "feed" / "static" / "feed" / "css" / "posters.css"
TEXTURES = Path(__file__).parents[3] / "templates" / "feed" / "textures.html"

Color = tuple[float, float, float]


def film(item: str = "7", *categories: str, title: str = "Alien", year: int | None = 1979) -> ItemUpserted:
    return ItemUpserted(event_time_ms=1, item=item, title=title, categories=categories, year=year)


@given(st.text(min_size=1), st.lists(st.text(max_size=12), max_size=4), st.text(), st.none() | st.integers(-500, 3_000))
def test_any_item_has_a_poster_of_known_classes_and_safe_markup(
    item: str, categories: list[str], title: str, year: int | None
):
    drawn = poster(film(item, *categories, title=title, year=year))
    assert re.fullmatch(r"hue-\d+ figure-\d+ tone-\w+ title-(top|bottom) title-(xs|s|m|l|xl)", drawn.classes)
    paths = re.findall(r' d="([^"]*)"', drawn.svg)
    assert paths
    assert all(re.fullmatch(r"[-MLHVAQTZmlhvaqtz0-9. ]+", path) for path in paths)
    assert drawn == poster(film(item, *categories, title=title, year=year))


def test_films_of_a_genre_are_kin_and_films_of_two_are_not():
    def hue(drawn_from: ItemUpserted) -> int:
        return int(re.search(r"hue-(\d+)", poster(drawn_from).classes)[1])

    horror = {hue(film(str(number), "Horror")) for number in range(50)}
    western = {hue(film(str(number), "Western")) for number in range(50)}
    assert len(horror) == len(western) == 3
    assert not horror & western


@pytest.mark.parametrize(
    ("title", "size"),
    [("Eroica", "xl"), ("Ηρωική", "m"), ("夜曲", "xl"), ("交響曲第五番", "l"), ("Café au lait", "xl")],
)
def test_title_is_set_as_large_as_its_letters_are_narrow(title: str, size: str):
    assert poster(film(title=title)).classes.endswith(f"title-{size}")


def test_each_texture_stands_on_the_page():
    defined = set(re.findall(r'id="texture-(\w+)"', TEXTURES.read_text()))
    assert {texture(year) for year in range(1_890, 2_030)} - {"plain"} == defined


@pytest.mark.parametrize(
    "figure", sorted({each for some in _FIGURES.values() for each in some}, key=lambda f: f.__name__)
)
def test_figure_begins_with_a_move_and_closes_each_shape(figure: figures.Figure):
    for x, y, r, flipped in itertools.product((12.0, 48.0), (21.0, 59.0), (17.0, 28.0), (False, True)):
        path = figure(figures.Placement(x, y, r, flipped))
        assert path.startswith("M")
        assert path.endswith("z")


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_titles_keep_their_contrast_on_every_ground_and_figure(scheme: int):
    hues = [15.0 * step + 10 for step in range(HUES)]
    tones = tone_rules(CSS.read_text(), scheme)
    assert set(tones) == {"deep", "vivid", "pale"}
    for tone, rule in tones.items():
        for hue in hues:
            title = luminance((*rule["title"], hue))
            grounds = [luminance((*rule["ground"], hue)), *(luminance((*rule["figure"], each)) for each in hues)]
            lowest = min((max(title, behind) + 0.05) / (min(title, behind) + 0.05) for behind in grounds)
            assert lowest >= 4.5, (tone, hue, lowest)


def tone_rules(css: str, scheme: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Return lightness and chroma of each tone's colors, as the stylesheet has them."""
    rules = {"deep": re.search(r"\.poster \{(.*?)\}", css, re.DOTALL)[1]}
    rules |= dict(re.findall(r"\.tone-(\w+) \{(.*?)\}", css, re.DOTALL))
    color = r"oklch\(([\d.]+)% ([\d.]+) var"
    return {
        tone: {
            name: tuple(map(float, (found := re.findall(color, value))[min(scheme, len(found) - 1)]))
            for name, value in re.findall(r"--(\w+): (.*?);", body)
        }
        for tone, body in rules.items()
    }


def luminance(color: Color) -> float:
    """Return the relative luminance of an OKLCH color, cut to sRGB as browsers do."""
    lightness, chroma, hue = color[0] / 100, color[1], math.radians(color[2])
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    red, green, blue = (min(max(channel, 0.0), 1.0) for channel in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
