"""Item vectors: what items mean to sessions, learned from which click follows which.

A session's vector is the fading sum of the vectors of what it clicked; the next click should lie closer to it, by
cosine, than items drawn at random and, in histories, than what it was chosen from (softmax over negatives). The same
vectors stand on both sides, and each is learned by AdaGrad with one accumulator for the whole vector.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import SIDE_BY_SIDE, compiled, inlined
from recsys.layout import VECTOR_WIDTH
from recsys.models.kernels import exponentials
from recsys.models.product import product
from recsys.models.random import mixed, uniforms
from recsys.prefetch import load
from recsys.rowmap import empty_map, insert
from recsys.tables import Table

#: Items drawn at random beside each click: what is far. Fewer are enough where what it was chosen from stands beside
#: them: that is near, and at hand.
DRAWN: Final = 128
DRAWN_BESIDE: Final = 64
#: Cosines are multiplied by this before the softmax.
SHARPNESS: Final = 8.0
#: AdaGrad's step, and the squared gradient that every item starts with.
RATE: Final = 0.2
FIRST_SQUARE: Final = 0.001
#: Clicks that make a session's vector, and after how many of them one counts e times less.
CLICKS: Final = 9
DECAY: Final = 2.0
#: Clicks before the last that an item is compared with one by one.
EARLIER: Final = 4
#: Negatives whose gradient is smaller than this are passed over.
LEAST_ERROR: Final = 1e-3

_SEED: Final = 0x5EED_0F_17E5
_FADING: Final = np.exp(-np.arange(CLICKS) / DECAY).astype(np.float32)

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


def initialise(table: Table, row: int, evictions: int = 0) -> None:
    """Give a new item a vector of its own, of a length around 1.

    After each of the `evictions` rows were numbered anew: who had this row before may be in the catalogue still.
    """
    drawn = (uniforms(_SEED + row + (evictions << 32), VECTOR_WIDTH) - 0.5) * math.sqrt(12.0 / VECTOR_WIDTH)
    vector = drawn.astype(np.float32)
    table["vector"][row] = vector
    table["length"][row] = vector_length(vector)
    table["squares"][row] = FIRST_SQUARE
    table.touch(row)


@compiled
def vector_length(vector: Vectors) -> float:
    """Return the Euclidean length, never 0."""
    return math.sqrt(_dot(vector, vector, np.empty(SIDE_BY_SIDE, dtype=np.float32))) + 1e-9


@compiled
def session_vector(vectors: Vectors, clicked: Rows) -> Vectors:
    """Return the unit vector of a session with these clicks (newest first); zeros without any."""
    summed = _faded(vectors, clicked)
    length = np.float32(vector_length(summed))
    for j in range(VECTOR_WIDTH):
        summed[j] /= length
    return summed


@compiled
def affinities(vectors: Vectors, lengths: Vectors, clicked: Rows, rows: Rows, table: Vectors, column: int) -> None:
    """Write three cosines of each row into `table` from `column` on.

    With the session's vector, with its last click, and the largest one with the `EARLIER` clicks before that (where
    there are none: with the last again). `clicked` is newest first and not empty. Rows are read once each: the caller
    had better have fetched them.
    """
    compared = min(clicked.shape[0], EARLIER + 1)
    profiles = np.zeros((VECTOR_WIDTH, SIDE_BY_SIDE), dtype=np.float32)
    profiles[:, 0] = session_vector(vectors, clicked)
    for place in range(compared):
        for j in range(VECTOR_WIDTH):
            profiles[j, place + 1] = vectors[clicked[place], j] / lengths[clicked[place]]
    cosines = np.empty((rows.shape[0], SIDE_BY_SIDE), dtype=np.float32)
    product(vectors[rows], profiles, np.zeros(SIDE_BY_SIDE, dtype=np.float32), cosines)
    for i in range(rows.shape[0]):
        length = lengths[rows[i]]
        best = cosines[i, min(compared, 2)]
        for profile in range(3, compared + 1):
            best = max(best, cosines[i, profile])
        table[i, column] = cosines[i, 0] / length
        table[i, column + 1] = cosines[i, 1] / length
        table[i, column + 2] = best / length


@compiled
def learn_next(
    vectors: Vectors,
    lengths: Vectors,
    squares: Vectors,
    heard: NDArray[np.int32],
    clicked: Rows,
    row: int,
    beside: Rows,
    drawn: int,
    draw: int,
    touched: NDArray[np.bool_],
) -> None:
    """Learn that `row` was clicked after `clicked` (newest first, at least one).

    Parameters
    ----------
    vectors, lengths, squares : float32 arrays
        Columns of the world's table of vectors; changed in place.
    heard : int32 array
        Distinct rows to draw negatives from, at least one.
    beside : int64 array
        Rows that could have been clicked as well: negatives next to those drawn.
    drawn : int
        How many are drawn.
    draw : int
        Numbers the draw: the same number draws the same.
    touched : bool array
        Set for each row that changed.
    """
    session = _faded(vectors, clicked)
    scale = vector_length(session)
    for j in range(VECTOR_WIDTH):
        session[j] /= np.float32(scale)
    rows, lanes = _negatives(heard, row, beside, drawn, draw), np.empty(SIDE_BY_SIDE, dtype=np.float32)
    load(vectors, rows)
    load(lengths, rows)
    load(squares, rows)
    cosines, shares = np.empty(rows.shape[0]), np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        cosines[i] = _dot(vectors[rows[i]], session, lanes) / lengths[rows[i]]
        shares[i] = SHARPNESS * cosines[i]
    shares = exponentials(shares, SHARPNESS)  # a cosine is at most 1, so nothing overflows
    total = np.sum(shares)
    pull = np.zeros(VECTOR_WIDTH, dtype=np.float32)
    along = 0.0
    for i in range(rows.shape[0]):
        error = SHARPNESS * (shares[i] / total - (1.0 if i == 0 else 0.0))
        if abs(error) >= LEAST_ERROR:
            _move_item(vectors, lengths, squares, rows[i], session, cosines[i], error, pull)
            along += error * cosines[i]
            touched[rows[i]] = True
    for j in range(VECTOR_WIDTH):
        pull[j] -= np.float32(along) * session[j]
    slope = _dot(pull, pull, lanes) / VECTOR_WIDTH
    for place in range(min(clicked.shape[0], CLICKS)):
        at = clicked[place]
        weight = _FADING[place] / scale
        squares[at] += weight * weight * slope
        step = np.float32(RATE * weight / math.sqrt(squares[at]))
        for j in range(VECTOR_WIDTH):
            vectors[at, j] -= step * pull[j]
        lengths[at] = vector_length(vectors[at])
        touched[at] = True


@compiled
def _negatives(heard: NDArray[np.int32], row: int, beside: Rows, drawn: int, draw: int) -> Rows:
    """Return `row`, up to so many `drawn` at random and what stood `beside`, each once."""
    known = empty_map(drawn + 1 + beside.shape[0])
    rows = np.empty(drawn + 1 + beside.shape[0], dtype=np.int64)
    rows[0] = row
    insert(known, row, 0)
    count = 1
    for i in range(1, drawn + 1):
        other = heard[np.int64(mixed(draw, i) >> np.uint64(1)) % heard.shape[0]]
        if insert(known, other, count) == count:
            rows[count] = other
            count += 1
    for other in beside:
        if insert(known, other, count) == count:
            rows[count] = other
            count += 1
    return rows[:count]


@compiled
def _faded(vectors: Vectors, clicked: Rows) -> Vectors:
    """Return the sum of the clicked items' vectors, older ones counting less."""
    summed = np.zeros(VECTOR_WIDTH, dtype=np.float32)
    for place in range(min(clicked.shape[0], CLICKS)):
        for j in range(VECTOR_WIDTH):
            summed[j] += _FADING[place] * vectors[clicked[place], j]
    return summed


@inlined
def _move_item(
    vectors: Vectors,
    lengths: Vectors,
    squares: Vectors,
    row: int,
    session: Vectors,
    cosine: float,
    error: float,
    pull: Vectors,
) -> None:
    """Turn one item towards the session or away from it, and add to `pull` what turns the session towards the item."""
    length = lengths[row]
    squares[row] += error * error * max(1.0 - cosine * cosine, 0.0) / (length * length) / VECTOR_WIDTH
    step = RATE * error / (math.sqrt(squares[row]) * length)
    towards, kept, gain = np.float32(step), np.float32(1.0 + step * cosine / length), np.float32(error / length)
    for j in range(VECTOR_WIDTH):
        value = vectors[row, j]
        pull[j] += gain * value
        vectors[row, j] = kept * value - towards * session[j]
    # The step is at a right angle to the vector, so Pythagoras knows its new length.
    lengths[row] = math.sqrt(length * length + step * step * max(1.0 - cosine * cosine, 0.0))


@inlined
def _dot(left: Vectors, right: Vectors, lanes: Vectors) -> float:
    """Return the inner product, summed in a fixed order; in `lanes` a core adds `SIDE_BY_SIDE` terms at once.

    `VECTOR_WIDTH` is four times as many.
    """
    for j in range(SIDE_BY_SIDE):
        second, third, fourth = j + SIDE_BY_SIDE, j + 2 * SIDE_BY_SIDE, j + 3 * SIDE_BY_SIDE
        lanes[j] = (left[j] * right[j] + left[second] * right[second]) + (
            left[third] * right[third] + left[fourth] * right[fourth]
        )
    total = np.float32(0.0)
    for j in range(SIDE_BY_SIDE // 2):
        total += lanes[j] + lanes[j + SIDE_BY_SIDE // 2]
    return float(total)
