"""Session neighbours: what sessions like this one clicked before and after the items they have in common.

Each item remembers its `ITEM_RING` most recent sessions, each session its `SESSION_CLICKS` most recent distinct
clicks. A query takes the session's last clicks, gathers the sessions that share them, and lets each vote for the
items around the shared one; votes for what came after it and for what came before are kept apart. The scheme
follows vector session kNN (Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval import voting
from recsys.retrieval.rowmap import row_map
from recsys.retrieval.top import positive_top_rows
from recsys.world import SESSION_RING, World

#: Serial of a session that has not been indexed yet.
NO_SERIAL: Final = -1
#: Last distinct clicks that make a query.
QUERY_CLICKS: Final = 9

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Votes(NamedTuple):
    """Shares of the neighbours' weight that an item got, 0 or more: clicked after, and before, a shared item."""

    forward: Floats
    backward: Floats


def index_click(world: World, serial: int, row: int) -> int:
    """Add a click to the neighbour index; return the session's serial number, to be passed with its next click.

    Parameters
    ----------
    world : World
        Changed in place; the rows are marked as changed.
    serial : int
        What the session's click before this one returned, `NO_SERIAL` for its first. A session that was
        overwritten by `SESSION_RING` newer ones starts afresh.
    row : int
        Item clicked. One that the session remembers already adds nothing.
    """
    sessions, items = world.sessions, world.items
    slot = serial % SESSION_RING
    if serial == NO_SERIAL or sessions["serial"][slot] != serial:
        serial = world.serial
        world.serial += 1
        slot = serial % SESSION_RING
        sessions.grow(slot + 1)
        sessions["serial"][slot] = serial
        sessions["length"][slot] = 0
        sessions["clicked"][slot] = -1
    if voting.post(sessions["clicked"], sessions["length"], items["ring"], items["postings"], slot, serial, row):
        sessions.touch(slot)
        items.touch(row)
    return serial


def votes(world: World, clicked: Sequence[int], rows: Rows | None = None, index: Rows | None = None) -> Votes:
    """Return the neighbours' votes, each of shape (n,).

    Parameters
    ----------
    world : World
        Only read.
    clicked : sequence of int
        The session's clicks, newest last; the last `QUERY_CLICKS` make the query.
    rows : int64 array of shape (n,), optional
        Distinct items to count votes for; the whole catalogue by default. The cost grows with the neighbours
        (at most `voting.NEIGHBOURS`) and with n, not with the catalogue.
    index : optional
        ``row_map(rows)`` where the caller has it.
    """
    if rows is None:
        size, index = len(world.items), voting.EVERY_ROW
    else:
        size, index = len(rows), row_map(rows) if index is None else index
    counted, _ = _count(world, clicked, size, index, credited=False)
    return Votes(counted[:, 0], counted[:, 1])


def vote_shares(world: World, clicked: Sequence[int], rows: Rows) -> Floats:
    """Return who is behind the votes of each row: shape (n, clicks in the query), newest click first."""
    return _count(world, clicked, len(rows), row_map(rows), credited=True)[1]


def similar_items(world: World, row: int, k: int) -> Rows:
    """Return up to `k` rows that sessions clicked around item `row`, most votes first, ties by row."""
    found = votes(world, [row])
    total = np.where(world.items["available"], found.forward + found.backward, 0.0)
    total[row] = 0.0
    return positive_top_rows(total, k)


def _count(world: World, clicked: Sequence[int], size: int, index: Rows, *, credited: bool) -> tuple[Floats, Floats]:
    query = np.array(clicked[: -QUERY_CLICKS - 1 : -1], dtype=np.int64)
    if not len(query) or not len(world.sessions):
        return np.zeros((size, 2)), np.zeros((size, len(query)))
    sessions, items = world.sessions, world.items
    neighbours = voting.gather(
        query,
        items["ring"],
        items["postings"],
        sessions["serial"],
        sessions["clicked"],
        sessions["length"],
        world.serial,
    )
    counted = np.zeros((size, 2))
    shares = np.zeros((size if credited else 0, len(query)))
    voting.count(*neighbours, sessions["clicked"], sessions["length"], index, counted, shares)
    return counted, shares
