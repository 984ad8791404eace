"""Whether everything that browsers sent is accounted for: received = what became of it + pending."""

import dataclasses
from collections.abc import Sequence

from webapp.tracking.edge import OUTCOMES, Account


@dataclasses.dataclass(frozen=True, slots=True)
class NamedCount:
    """A count, with what it is."""

    name: str
    meaning: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Conservation:
    """The accounts of all processes together.

    Attributes
    ----------
    accounts : sequence of Account
        Each balances at its own moment.
    received, missing : int
        Over all of them; `missing` is 0, or there is a bug.
    terms : list of NamedCount
        What became of it, and what is pending.
    since_ms : int
        When the process that has counted longest began; 0 without any.
    """

    accounts: Sequence[Account]
    received: int
    terms: list[NamedCount]
    missing: int
    since_ms: int


def conservation(accounts: Sequence[Account]) -> Conservation:
    """Add the accounts up.

    >>> one = Account(name="a", began_ms=5, at_ms=9, received=7, pending=1, became={"accepted": 6})
    >>> both = conservation([one, one])
    >>> both.received, [(term.name, term.count) for term in both.terms if term.count], both.missing
    (14, [('accepted', 12), ('pending', 2)], 0)
    """
    became = [
        NamedCount(name, meaning, sum(account.became.get(name, 0) for account in accounts))
        for name, meaning in OUTCOMES.items()
    ]
    pending = NamedCount("pending", "waits for the log", sum(account.pending for account in accounts))
    return Conservation(
        accounts=accounts,
        received=sum(account.received for account in accounts),
        terms=[*became, pending],
        missing=sum(account.missing for account in accounts),
        since_ms=min((account.began_ms for account in accounts), default=0),
    )
