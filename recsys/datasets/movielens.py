"""MovieLens 100K: 1,682 films and 100,000 timed ratings, as they lie inside the wheel of `recbole` 1.2.1.

The data set belongs to GroupLens (University of Minnesota) and may be used for research under its terms; it is
fetched by each user and never shipped. A rating says that the film was seen in a list (an impression), one of 4 or 5
that it was chosen as well (a click).
"""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from recsys.datasets.base import Dataset, Rejected, SessionNumbers, assembled, fingerprint
from recsys.errors import DatasetError
from recsys.events import Click, Event, Impression, ItemUpserted

NAME: Final = "movielens"
REQUIREMENT: Final = "recbole==1.2.1"
WHEEL: Final = "recbole-1.2.1-py3-none-any.whl"
WHEEL_SHA256: Final = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"

CLICK_FROM_RATING: Final = 4.0

_FOLDER: Final = "recbole/dataset_example/ml-100k"
_ITEMS: Final = "ml-100k.item"
_RATINGS: Final = "ml-100k.inter"
_FETCH_TIMEOUT_S: Final = 600

# "Horseman on the Roof, The (Hussard sur le toit, Le)": an article that was moved behind, in the title or in brackets.
_MOVED_ARTICLE: Final = re.compile(r"(^|\()([^()]*), (The|An?|Das|De[rt]|Die|Il|L'|La|Les?|O)(?=\)|$| \()")
_YEAR_IN_TITLE: Final = re.compile(r" \((\d{4})\)$")


class _Rating(NamedTuple):
    user: str
    item: str
    rating: float
    at_ms: int


def fetch(folder: Path) -> Path:
    """Return the wheel's path in `folder`, downloading it (2 MB) when it is not there. Blocks.

    Raises
    ------
    DatasetError
        When it can't be had.
    """
    wheel = folder / WHEEL
    if wheel.is_file():
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), REQUIREMENT]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise DatasetError(f"{REQUIREMENT}: no answer from the package index in {_FETCH_TIMEOUT_S} s") from None
    if run.returncode != 0 or not wheel.is_file():
        said = (run.stderr.strip() or run.stdout.strip() or "nothing").splitlines()[-1]
        raise DatasetError(
            f"{REQUIREMENT} could not be downloaded (pip said: {said}); "
            f"get {WHEEL} in another way and give its path with --path"
        )
    return wheel


def read(wheel: Path, session_gap_s: int) -> Dataset:
    """Read the data set out of the wheel. Takes about a second.

    Parameters
    ----------
    wheel : Path
        The file that `fetch` returned.
    session_gap_s : int
        Inactivity that ends a session.

    Raises
    ------
    DatasetError
        When the file is missing, another, or broken.
    """
    if not wheel.is_file():
        raise DatasetError(f"{wheel}: expected the file {WHEEL}, found none")
    received = fingerprint([wheel])
    if received != WHEEL_SHA256:
        raise DatasetError(f"{wheel}: expected sha256 {WHEEL_SHA256}, received {received}; get the file again")
    rejected: list[Rejected] = []
    try:
        with zipfile.ZipFile(wheel) as archive:
            films = list(_films(archive.read(f"{_FOLDER}/{_ITEMS}"), rejected))
            ratings = list(_ratings(archive.read(f"{_FOLDER}/{_RATINGS}"), {film.item for film in films}, rejected))
    except (zipfile.BadZipFile, KeyError) as error:
        raise DatasetError(f"{wheel}: expected a wheel with {_FOLDER}/: {error}") from error
    ratings.sort(key=lambda rating: rating.at_ms)
    return assembled(NAME, [wheel], _released(films, ratings), _events(ratings, session_gap_s), rejected)


def readable_title(title: str) -> str:
    """Return the title with its articles where they are spoken.

    >>> readable_title("Godfather: Part II, The")
    'The Godfather: Part II'
    >>> readable_title("Star Maker, The (Uomo delle stelle, L')")
    "The Star Maker (L'Uomo delle stelle)"
    """

    def moved(match: re.Match[str]) -> str:
        opening, words, article = match.groups()
        return f"{opening}{article}{'' if article.endswith(chr(39)) else ' '}{words}"

    return _MOVED_ARTICLE.sub(moved, title)


def _rows(content: bytes, file: str, columns: int, rejected: list[Rejected]) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of each line after the heading."""
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines()[1:], start=2):
        fields = line.split("\t")
        if len(fields) == columns:
            yield number, fields
        else:
            rejected.append(Rejected(file, number, f"wrong columns: expected {columns}, received {len(fields)}", line))


def _films(content: bytes, rejected: list[Rejected]) -> Iterator[ItemUpserted]:
    for number, (item, title, year, genres) in _rows(content, _ITEMS, 4, rejected):
        if not item or not title:
            rejected.append(Rejected(_ITEMS, number, "missing value: expected an id and a title", [item, title]))
            continue
        # One title kept its year, and the year's column holds the roman numeral that followed it.
        in_title = _YEAR_IN_TITLE.search(title)
        if in_title and not year.isdigit():
            title, year = title[: in_title.start()], in_title[1]
        yield ItemUpserted(
            event_time_ms=0,
            item=item,
            title="Unknown film" if title == "unkonwn" else readable_title(title),
            categories=tuple(genre for genre in genres.split() if genre != "unknown"),
            year=int(year) if year.isdigit() else None,
        )


def _ratings(content: bytes, films: set[str], rejected: list[Rejected]) -> Iterator[_Rating]:
    for number, fields in _rows(content, _RATINGS, 4, rejected):
        user, item, rating, at_s = fields
        if item not in films:
            rejected.append(Rejected(_RATINGS, number, f"unknown item: {item!r}", fields))
            continue
        try:
            yield _Rating(user, item, float(rating), int(float(at_s)) * 1_000)
        except (ValueError, OverflowError) as error:
            rejected.append(Rejected(_RATINGS, number, f"not a number: {error}", fields))


def _released(films: list[ItemUpserted], ratings: list[_Rating]) -> list[ItemUpserted]:
    """Let the films enter just before the first rating, a millisecond apart in order of year: newest is newest."""
    begin_ms = (ratings[0].at_ms if ratings else 0) - len(films)
    ordered = sorted(films, key=lambda film: film.year or 0)
    return [
        ItemUpserted(
            event_time_ms=begin_ms + place, item=film.item, title=film.title, categories=film.categories, year=film.year
        )
        for place, film in enumerate(ordered)
    ]


def _events(ratings: list[_Rating], session_gap_s: int) -> Iterator[Event]:
    numbers = SessionNumbers(session_gap_s)
    for rating in ratings:
        session = f"ml-{rating.user}-{numbers.of(rating.user, rating.at_ms)}"
        yield Impression(event_time_ms=rating.at_ms, session=session, item=rating.item)
        if rating.rating >= CLICK_FROM_RATING:
            yield Click(event_time_ms=rating.at_ms, session=session, item=rating.item)
