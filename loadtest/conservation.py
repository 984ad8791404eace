"""The conservation check: every acknowledged event is in the log exactly once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from recsys.events import SessionEvent
from recsys.log.base import Record

_EXAMPLES: Final = 10


class Conservation(msgspec.Struct, frozen=True):
    """What became of the acknowledged events.

    Attributes
    ----------
    acknowledged : int
        Events that were acknowledged as accepted, or as a duplicate of what is there.
    logged : int
        Of these, in the log once or more.
    lost, doubled : int
        Not in the log; in it more than once.
    examples : list of str
        The first few of both, as ``session/number``.
    """

    acknowledged: int
    logged: int
    lost: int
    doubled: int
    examples: list[str]

    @property
    def holds(self) -> bool:
        """Whether every acknowledged event is in the log exactly once."""
        return not (self.lost or self.doubled)


def check(acknowledged: Mapping[str, Sequence[tuple[int, int]]], records: Iterable[Record]) -> Conservation:
    """Count the acknowledged events in the log.

    Memory grows with the sessions, by a bit for each of their events.

    Parameters
    ----------
    acknowledged : mapping of session to runs of sequence numbers
    records : iterable of Record
        The log from before the run until after it.
    """
    wanted = {session: _bits(runs) for session, runs in acknowledged.items()}
    found = dict.fromkeys(wanted, 0)
    doubled: list[str] = []
    for record in records:
        event = record.event
        if not isinstance(event, SessionEvent) or not event.seq or event.session not in wanted:
            continue
        bit = 1 << event.seq
        if found[event.session] & bit & wanted[event.session]:
            doubled.append(f"{event.session}/{event.seq}")
        found[event.session] |= bit
    missing = {session: wanted[session] & ~found[session] for session in wanted}
    lost = sum(bits.bit_count() for bits in missing.values())
    total = sum(bits.bit_count() for bits in wanted.values())
    examples = [
        f"{session}/{seq}" for session, bits in missing.items() for seq in range(bits.bit_length()) if bits >> seq & 1
    ]
    return Conservation(total, total - lost, lost, len(doubled), (examples + doubled)[:_EXAMPLES])


def _bits(runs: Sequence[tuple[int, int]]) -> int:
    bits = 0
    for first, last in runs:
        bits |= ((1 << (last - first + 1)) - 1) << first
    return bits
