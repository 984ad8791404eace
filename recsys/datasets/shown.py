"""Lists that a data set tells of, and what can't have happened on them."""

import sys
from collections.abc import Iterable
from typing import NamedTuple


class ShownList(NamedTuple):
    """A list that somebody was shown.

    Attributes
    ----------
    kind, id : str
        What the data set calls such lists, and this one.
    session : str or None
        Who was shown it.
    at_ms : int
        Since when.
    items : tuple of str
        In their order, each once.
    """

    kind: str
    id: str
    session: str | None
    at_ms: int
    items: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, name: str, session: str | None, at_ms: int, items: Iterable[str]) -> "ShownList":
        """Return the list of these items, in their order; what many lists show is held once."""
        return cls(kind, name, session, at_ms, tuple(map(sys.intern, items)))

    def position(self, item: str) -> int:
        """Return where an item stands in it, from 0."""
        return self.items.index(item)

    def problem(self, session: str | None, at_ms: int, item: str) -> str:
        """Return why nobody can have done anything with an item here then, empty where this session can."""
        if session != self.session:
            return f"another session's {self.kind}: {self.id!r} was shown to {self.session!r}"
        if at_ms < self.at_ms:
            return f"before its {self.kind}: {self.id!r} was shown {self.at_ms - at_ms} ms later"
        if item not in self.items:
            return f"not shown: item {item!r} in {self.kind} {self.id!r}"
        return ""
