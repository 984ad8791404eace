"""Files of one session a line: item ids separated by spaces, lines in order of time. A line counts as a minute."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from recsys.datasets.base import Rejected
from recsys.datasets.lines import opened
from recsys.errors import DatasetError
from recsys.events import MAX_ID_LENGTH

EXPECTED: Final = "one session a line, item ids separated by spaces (.gz allowed)"

MINUTE_MS: Final = 60_000
#: From one click of a session to the next. It must not depend on how many follow, which nobody can know.
CLICK_MS: Final = 500
#: A longer line is no session, and is not held in memory.
MAX_LINE_BYTES: Final = 1 << 20
#: Bad lines that are remembered; the rest is only counted.
REMEMBERED: Final = 1_000


class Line(NamedTuple):
    """A session: the number of its line, from 1, and its items in order."""

    number: int
    items: list[str]


def click_ms(minute: int, place: int) -> int:
    """Return when the click at `place` (from 0) of the session in the given minute happened.

    >>> click_ms(2, 0), click_ms(2, 1), click_ms(2, 1_000)
    (120000, 120500, 179999)
    """
    return minute * MINUTE_MS + min(place * CLICK_MS, MINUTE_MS - 1)


class SessionLines:
    """The sessions of one file, read again at each iteration.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    lines, bad : int
        Lines of the last iteration, and how many of them were set aside.
    rejected : list of Rejected
        The first `REMEMBERED` of those.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.bad = 0
        self.rejected: list[Rejected] = []

    def __iter__(self) -> Iterator[Line]:
        """Yield the sessions that have at least one item. Cost: about 1 µs for an item.

        Raises
        ------
        DatasetError
            When the file can't be read, or holds lines and none of them is a session.
        """
        self.lines, self.bad, self.rejected = 0, 0, []
        usable = 0
        with opened(self.path, EXPECTED) as file:
            for raw in _lines(file):
                self.lines += 1
                items = raw.removeprefix(codecs.BOM_UTF8).split() if self.lines == 1 else raw.split()
                if problem := _problem(raw, items):
                    self._set_aside(problem)
                elif items:
                    usable += 1
                    yield Line(self.lines, [item.decode() for item in items])
        if self.bad and not usable:
            first = self.rejected[0]
            raise DatasetError(f"{self.path}: expected {EXPECTED}, received none; line {first.line}: {first.reason}")

    def _set_aside(self, problem: str) -> None:
        self.bad += 1
        if len(self.rejected) < REMEMBERED:
            self.rejected.append(Rejected(self.path.name, self.lines, problem))


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines, too long ones cut off just above the limit."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        rest = line
        while rest and not rest.endswith(b"\n") and len(rest) > MAX_LINE_BYTES:
            rest = file.readline(MAX_LINE_BYTES + 1)
        yield line


def _problem(raw: bytes, items: list[bytes]) -> str:
    """Return why the line is no session, empty where it is one (or blank)."""
    if len(raw) > MAX_LINE_BYTES:
        return f"line too long: expected at most {MAX_LINE_BYTES} bytes"
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start}"
    if "\0" in text:
        return "not text: a zero byte"
    # An id's bytes are at least as many as its letters, so most lines need no second look.
    if any(len(item) > MAX_ID_LENGTH and len(item.decode()) > MAX_ID_LENGTH for item in items):
        return f"id too long: expected at most {MAX_ID_LENGTH} letters"
    return ""
