"""What is measured, as the tasks see it: who is asked, what it is told, and when.

All times are log time in milliseconds. A contender is asked before it is told: `recommend` and `score` come before
anything that says what happened. What happened is told twice, since who did it knows at once and the world may know
later or never: `observe` is for the session's own belief alone and must not change the world, `learn` is for the world.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from recsys.events import Event, ItemUpserted


class MissingLibrary(Exception):
    """A peer's library is not installed; the message names the command that installs it."""


class Contender(Protocol):
    """What every contender can say about itself."""

    def knowledge_ms(self) -> int:
        """Return the time of the newest event that its world has used, 0 before the first."""
        ...

    def configuration(self) -> dict[str, Any]:
        """Return what its results depend on besides the data, ready for JSON."""
        ...

    def state_sha256(self) -> str:
        """Return the hash of the world's state, empty where it has none."""
        ...


class NextItem(Contender, Protocol):
    """Recommends what a session opens next, among all items ever seen."""

    def learn(self, event: Event) -> None:
        """Take an event into the world. Time never runs backwards.

        Clicks everywhere; in `history` also items, slates, impressions and dismissals, in the order of the log.
        """
        ...

    def trained(self, at_ms: int) -> None:
        """Note that the training part has ended (in `history`: before the first event), and questions begin.

        Whatever is fitted in batches is fitted now, and from now on as often as it pleases.
        """
        ...

    def observe(self, event: Event) -> None:
        """Take an event into the belief of the session that it belongs to, at once."""
        ...

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        """Return up to `k` distinct items, best first. Without `repeats`, none that the session clicked already."""
        ...

    def end(self, session: str) -> None:
        """Note that the session will not be asked about, or observed, again."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Query:
    """A list that was shown, before its clicks are known.

    Attributes
    ----------
    slate, visitor : str
        Which list, shown to whom.
    at_ms : int
        When.
    items : tuple of str
        What was shown, shuffled: who decides on the order can't know the places.
    positions : tuple of int
        Where each of `items` stood, from 0. Empty, but for runs that ask what knowing them is worth.
    """

    slate: str
    visitor: str
    at_ms: int
    items: tuple[str, ...]
    positions: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A list in the order shown, and what was clicked on it, in the order of the clicks (each item once)."""

    slate: str
    visitor: str
    at_ms: int
    items: tuple[str, ...]
    clicked: tuple[str, ...]


class Slates(Contender, Protocol):
    """Scores the items of lists that were shown.

    Attributes
    ----------
    logits : bool
        Whether scores are logits of the choice out of a list with "none of these" at 0, so that their own
        log-loss and calibration mean something.
    """

    logits: bool

    def begin(self, label_delay_s: float) -> None:
        """Note how long after a list was shown all is known of it. Called first, and once."""
        ...

    def describe(self, item: ItemUpserted) -> None:
        """Take an item of the catalogue in."""
        ...

    def score(self, query: Query) -> Sequence[float]:
        """Return a finite score for each of the query's items, higher is better. Asked of every list, once."""
        ...

    def observe(self, shown: Shown) -> None:
        """Take the list and its clicks into the belief of this visitor, at once."""
        ...

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Take the list and its clicks into the world; the label delay has passed, and it is `at_ms` now."""
        ...
