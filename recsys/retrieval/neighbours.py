"""Session neighbours: what sessions like this one clicked before and after the items they have in common.

Each item remembers its `ITEM_RING` most recent sessions, each session its distinct clicks, in stretches of
`SESSION_CLICKS`: who listens for hours is as many neighbours as that takes, and none of their own. A query takes the
session's last `voting.QUERY_CLICKS`, gathers the sessions that share them, and lets each vote for the items around the
shared one; votes are kept apart by the click that they are owed to and by what came before and after it, for the model
to weigh. The scheme follows vector session kNN (Ludewig and Jannach, "Evaluation of session-based recommendation
algorithms", 2018).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.layout import VOTES
from recsys.retrieval import voting
from recsys.retrieval.top import positive_top_rows
from recsys.sessions import SessionContext
from recsys.world import SESSION_RING, World

#: Serial of a session that has not been indexed yet.
NO_SERIAL: Final = -1

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

#: The first parameters of `voting.count` and `voting.recall`.
Index = tuple[Rows, int, NDArray[np.int32], Rows, Rows, NDArray[np.int32], NDArray[np.int32], int]


class Votes(NamedTuple):
    """What the neighbours of one session say.

    Attributes
    ----------
    rows : int64 array of shape (n,)
        Items.
    channels : float32 array of shape (m, voting.CHANNELS)
        Shares of the neighbours' weight, by channel, of the first m <= n items; the others have none.
    weight : float
        The weight itself: how many neighbours there are, and how near. 0 without any.
    """

    rows: Rows
    channels: voting.Channels
    weight: float

    def subset(self, keep: NDArray[np.bool_]) -> "Votes":
        """Return what is said of the rows that are kept."""
        return Votes(self.rows[keep], self.channels[keep[: len(self.channels)]], self.weight)


#: What neighbours say of a session that has none.
NO_VOTES: Final = Votes(np.empty(0, np.int64), np.empty((0, voting.CHANNELS), np.float32), 0.0)


def index_click(world: World, serial: int, key: int, row: int) -> int:
    """Add a click to the neighbour index; return the serial of the session's stretch, to be passed with its next click.

    Parameters
    ----------
    world : World
        Changed in place; the rows are marked as changed.
    serial : int
        What the session's click before this one returned, `NO_SERIAL` for its first. A session whose stretch is full,
        or was overwritten by `SESSION_RING` newer ones, begins another.
    key : int
        `SessionContext.key`: what the session is recognised by when its own neighbours are looked for.
    row : int
        Item clicked. One that the session's stretch has already adds nothing.
    """
    if serial == NO_SERIAL or world.serial - serial > SESSION_RING:
        serial = _begin(world, key)
    posted = _post(world, serial, row)
    if posted == voting.FULL:
        serial = _begin(world, key)
        posted = _post(world, serial, row)
    if posted:
        world.sessions.touch(serial % SESSION_RING)
        world.rings.touch(row)
    if posted == 1:
        world.hear(row)
    return serial


def _begin(world: World, key: int) -> int:
    """Give a session the next slot; return its serial."""
    serial, sessions = world.serial, world.sessions
    world.serial += 1
    slot = serial % SESSION_RING
    sessions.grow(slot + 1)
    sessions["key"][slot] = key
    sessions["length"][slot] = 0
    return serial


def _post(world: World, serial: int, row: int) -> int:
    sessions, rings, slot = world.sessions, world.rings, serial % SESSION_RING
    return voting.post(sessions["clicked"], sessions["length"], rings["ring"], rings["postings"], slot, serial, row)


def recall(world: World, context: SessionContext, limit: int) -> Votes:
    """Return up to `limit` items with the most votes, the session's own last clicks always among them.

    Clicks that it remembers and that are too old to ask come beside them: people go back farther than they can be
    followed. The cost grows with the neighbours (at most `voting.NEIGHBOURS`), not with the catalogue.
    """
    best, places, channels, total = voting.recall(*index(world, context), limit)
    return Votes(*voting.offered((best,), places, channels), total)


def votes(world: World, context: SessionContext, rows: Rows) -> Votes:
    """Return the neighbours' votes for distinct `rows`."""
    channels, _, total = voting.count(*index(world, context), rows)
    return Votes(rows, channels, total)


def vote_shares(world: World, context: SessionContext, rows: Rows) -> Floats:
    """Return who is behind the votes of each row: shape (n, clicks in the query), newest click first."""
    _, shares, _ = voting.count(*index(world, context), rows)
    return shares


def similar_items(world: World, row: int, k: int) -> Rows:
    """Return up to `k` rows that sessions clicked around item `row`, most votes first, ties by row."""
    context = SessionContext("", clicked=[row])
    found = recall(world, context, k + 1)
    order = np.argsort(found.rows)
    rows, shares = found.rows[order], found.channels[order, : len(VOTES)].sum(axis=1, dtype=np.float64)
    shares[~world.items["available"][rows] | (rows == row)] = 0.0
    return np.asarray(rows[positive_top_rows(shares, k)])


def index(world: World, context: SessionContext) -> Index:
    """Return the session's clicks (newest first), and everything that they are asked about."""
    sessions, rings = world.sessions, world.rings
    return (
        context.newest_first()[0],
        context.key,
        rings["ring"],
        rings["postings"],
        sessions["key"],
        sessions["clicked"],
        sessions["length"],
        world.serial,
    )
