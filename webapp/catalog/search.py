"""Search over the catalogue that this process serves: by the beginnings of words, without accents and case."""

import bisect
import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from recsys.events import ItemUpserted
from webapp import wiring

_WORD: Final = re.compile(r"\w+")
_APOSTROPHES: Final = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}]")

#: What a match is worth by where the word stands; a whole word counts twice.
_TITLE_START: Final = 6.0
_TITLE: Final = 4.0
_YEAR: Final = 3.0
_CATEGORY: Final = 2.0
_TAG: Final = 1.0
_MAX_WORDS: Final = 8


def words(text: str) -> list[str]:
    """Return the words of a text, folded: without accents, in lower case.

    >>> words("Les Misérables (1995)")
    ['les', 'miserables', '1995']
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in decomposed if not unicodedata.combining(letter)))


class SearchIndex:
    """Words to catalogue rows. Brought up to date by comparing rows, in about 20 µs for 1,000 of them.

    Attributes
    ----------
    edition : object
        That of the world whose catalogue was taken in last; None before the first.
    """

    def __init__(self) -> None:
        self.edition: object = None
        self._items: list[ItemUpserted] = []
        self._words: list[dict[str, float]] = []
        self._postings: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._vocabulary: list[str] = []

    def refresh(self, catalogue: Sequence[ItemUpserted]) -> None:
        """Take in the rows that changed."""
        known = len(self._items)
        for row in range(len(catalogue), known):
            self._forget(row)
        del self._items[len(catalogue) :], self._words[len(catalogue) :]
        changed = len(catalogue) != known
        for row, item in enumerate(catalogue):
            if row == len(self._items):
                self._items.append(item)
                self._words.append({})
            elif self._items[row] is item:
                continue
            self._replace(row, item)
            changed = True
        if changed:
            self._vocabulary = sorted(self._postings)

    def find(self, query: str) -> list[int]:
        """Return the rows in which every word of the query begins a word, best first; ties by title, then id."""
        wanted = list(dict.fromkeys(words(query)))[:_MAX_WORDS]
        if not wanted:
            return []
        first, *others = (self._beginning_with(word) for word in wanted)
        scores = {
            row: score + sum(other[row] for other in others)
            for row, score in first.items()
            if all(row in other for other in others)
        }
        return sorted(scores, key=lambda row: (-scores[row], self._items[row].title, self._items[row].item))

    def _beginning_with(self, beginning: str) -> dict[int, float]:
        """Return the best worth of each row that has a word with this beginning."""
        found: dict[int, float] = {}
        for place in range(bisect.bisect_left(self._vocabulary, beginning), len(self._vocabulary)):
            word = self._vocabulary[place]
            if not word.startswith(beginning):
                break
            whole = 2.0 if word == beginning else 1.0
            for row, worth in self._postings[word].items():
                found[row] = max(found.get(row, 0.0), worth * whole)
        return found

    def _replace(self, row: int, item: ItemUpserted) -> None:
        self._forget(row)
        self._items[row], self._words[row] = item, _worth(item)
        for word, worth in self._words[row].items():
            self._postings[word][row] = worth

    def _forget(self, row: int) -> None:
        for word in self._words[row]:
            del self._postings[word][row]
            if not self._postings[word]:
                del self._postings[word]


def find(query: str, limit: int) -> list[str]:
    """Return the ids of up to `limit` available items that match the query, best first."""
    world = wiring.replica().world
    index = _index()
    if index.edition is not world.edition:
        index.refresh(world.catalogue)
        index.edition = world.edition
    available = world.items["available"]
    rows = (row for row in index.find(query) if available[row])
    return [world.catalogue[row].item for row, _ in zip(rows, range(limit), strict=False)]


@functools.cache
def _index() -> SearchIndex:
    return SearchIndex()


def _worth(item: ItemUpserted) -> dict[str, float]:
    """Return each word of an item with the best that a match of it is worth."""
    found: dict[str, float] = {}
    for word, worth in _placed(item):
        found[word] = max(found.get(word, 0.0), worth)
    return found


def _placed(item: ItemUpserted) -> Iterator[tuple[str, float]]:
    # "Ulee's" is found as "ulee" and as "ulees", "L'Enfer" as "enfer" and as "lenfer".
    for title in (item.title, _APOSTROPHES.sub("", item.title)):
        for place, word in enumerate(words(title)):
            yield word, _TITLE if place else _TITLE_START
    if item.year is not None:
        yield str(item.year), _YEAR
    for text, worth in [(name, _CATEGORY) for name in item.categories] + [(name, _TAG) for name in item.tags]:
        for word in words(text):
            yield word, worth
