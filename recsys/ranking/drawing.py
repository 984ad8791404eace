"""The draw: which item gets which slot, with what probability.

Each slot is drawn from a softmax of the scores, less a penalty for content like the slots above (Plackett-Luce
with diversification). The draw is a race: item i holds an amount of fuel, exponentially distributed, and burns
it at the rate ``exp(score / temperature)``; whoever is out of fuel first gets the slot. What is left in the other
tanks is again exponential, whatever happened before, so that

- the probability of each slot given the slots above is exactly the softmax, also after penalties changed the rates,
- fuel depends on (seed, session, item) alone, so a slate stays as it is until a score changes.
"""

import hashlib
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

#: Candidates, best first, that take part in the draw: those below would be chosen next to never.
POOL: Final = 240

Floats = NDArray[np.float64]


class Draw(NamedTuple):
    """Slots in order: index of the candidate, its probability given the slots above, whether it was not the best."""

    picks: NDArray[np.int64]
    propensities: Floats
    explored: NDArray[np.bool_]


def noise_key(seed: int, session: str) -> int:
    """Return the 63 bits that a session's noise is made from."""
    digest = hashlib.blake2b(f"{seed}:{session}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def draw(
    scores: Floats,
    content: NDArray[np.float32],
    rows: NDArray[np.int64],
    size: int,
    temperature: float,
    diversity: float,
    key: int,
) -> Draw:
    """Fill up to `size` slots.

    Parameters
    ----------
    scores : float64 array of shape (n,)
        Logits of the candidates; equal ones are served in order.
    content : float32 array of shape (items, CONTENT_WIDTH)
        Unit vectors of the whole catalogue.
    rows : int64 array of shape (n,)
        The candidates' rows.
    temperature : float
        Logits; 0 always takes the best and gives every slot probability 1.
    diversity : float
        Logits that full likeness to a slot above costs.
    key : int
        `noise_key`.
    """
    return Draw(*_race(scores, content, rows, min(size, len(rows)), temperature, diversity, key))


@compiled
def _race(
    scores: Floats,
    content: NDArray[np.float32],
    rows: NDArray[np.int64],
    size: int,
    temperature: float,
    diversity: float,
    key: int,
) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_]]:
    count = rows.shape[0]
    adjusted, penalty, taken = scores.copy(), np.zeros(count), np.zeros(count, dtype=np.bool_)
    fuel = np.empty(count)
    for i in range(count):
        fuel[i] = -math.log(_uniform(key, rows[i]))
    picks = np.empty(size, dtype=np.int64)
    propensities, explored = np.ones(size), np.zeros(size, dtype=np.bool_)
    for slot in range(size):
        best = _best(adjusted, taken)
        pick = best
        if temperature > 0.0:
            pick, propensities[slot] = _burn(adjusted, taken, fuel, adjusted[best], temperature)
        picks[slot] = pick
        explored[slot] = pick != best
        taken[pick] = True
        if diversity > 0.0:
            _penalise(adjusted, penalty, scores, content, rows, rows[pick], diversity)
    return picks, propensities, explored


@compiled
def _best(adjusted: Floats, taken: NDArray[np.bool_]) -> int:
    best = -1
    for i in range(adjusted.shape[0]):
        if not taken[i] and (best < 0 or adjusted[i] > adjusted[best]):
            best = i
    return best


@compiled
def _burn(
    adjusted: Floats, taken: NDArray[np.bool_], fuel: Floats, top: float, temperature: float
) -> tuple[int, float]:
    """Run until one tank is empty; return whose, and the probability of that. Takes what was burnt from `fuel`."""
    rates = np.zeros(adjusted.shape[0])
    winner, shortest, total = -1, math.inf, 0.0
    for i in range(adjusted.shape[0]):
        if taken[i]:
            continue
        rates[i] = math.exp((adjusted[i] - top) / temperature)
        total += rates[i]
        # The best one's rate is 1, so a rate that underflows to 0 never wins.
        if rates[i] > 0.0 and fuel[i] / rates[i] < shortest:
            winner, shortest = i, fuel[i] / rates[i]
    for i in range(adjusted.shape[0]):
        fuel[i] = max(fuel[i] - rates[i] * shortest, 0.0)
    return winner, rates[winner] / total


@compiled
def _penalise(
    adjusted: Floats,
    penalty: Floats,
    scores: Floats,
    content: NDArray[np.float32],
    rows: NDArray[np.int64],
    picked: int,
    diversity: float,
) -> None:
    """Lower the candidates by their largest likeness to any slot filled so far, now that `picked` fills one."""
    tokens = np.flatnonzero(content[picked])
    for i in range(rows.shape[0]):
        likeness = 0.0
        for token in tokens:
            likeness += content[picked, token] * content[rows[i], token]
        penalty[i] = max(penalty[i], diversity * likeness)
        adjusted[i] = scores[i] - penalty[i]


@compiled
def _uniform(key: int, row: int) -> float:
    """Return a number in (0, 1) that depends on key and row alone (the finalizer of SplitMix64)."""
    mixed = np.uint64(key) + (np.uint64(row) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    return float(mixed >> np.uint64(12)) * 2.0**-52 + 2.0**-53
