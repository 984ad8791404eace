"""Labels without meaning: who does better than by popularity on them has been told the future.

Sessions become draws from what had been clicked in the file so far, and clicks move to random places of their list.
How often items are clicked, how long sessions are and how many clicks a list has stay as they were.
"""

import random
from collections.abc import Iterable, Iterator

from benchmarks.quality.contenders import Shown
from benchmarks.quality.session_lines import Line


class Draws:
    """Replaces the items of sessions by draws from all clicks of the lines so far, each line's own included."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._clicks: list[str] = []

    def __call__(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield the lines with other items. Files that follow one another go through the same object."""
        for line in lines:
            self._clicks.extend(line.items)
            yield line._replace(items=[self._random.choice(self._clicks) for _ in line.items])


def moved(shown: Shown, seed: int) -> tuple[str, ...]:
    """Return as many items of the list as were clicked, drawn at random: the same ones at each call.

    >>> len(moved(Shown("1", "v", 0, ("a", "b", "c"), ("a", "b")), seed=1))
    2
    """
    return tuple(random.Random(f"{seed}:{shown.slate}").sample(shown.items, len(shown.clicked)))
