"""The draw: which item gets which slot, with what probability.

Each slot is drawn from a softmax of the scores, less a penalty for content like the slots above, more for tastes that
the visitor's clicks have and the slots above lack (Plackett-Luce with diversification and calibration). An item that is
tried out is lent some logits for it. The draw is a race: an item holds an amount of fuel, exponentially distributed,
and burns it at a rate that is its probability; whoever is out of fuel first gets the slot. What is left in the other
tanks is again exponential, whatever happened before, so that

- the probability of each slot given the slots above is exactly that rate, also after penalties changed the rates,
- fuel depends on (seed, session, item) alone, and no rate on who else takes part, so a slate stays as it is until a
  score changes, and those that are left stay in order when an item goes.
"""

import hashlib
import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.models.random import uniform

#: Candidates, best first, that take part in the draw: those below would be chosen next to never.
POOL: Final = 240
#: A tank as good as empty: what is left may round to nothing.
LEAST_FUEL: Final = 1e-300

Floats = NDArray[np.float64]


class Draw(NamedTuple):
    """Slots in order.

    The race is won by the largest ``score - repeats + lacks + chance``, all in logits: minus the temperature times the
    log of the time that a tank lasts, but for what is the same for all.

    Attributes
    ----------
    picks : int64 array of shape (slots,)
        Index of the candidate.
    propensities : float64 array
        Its probability given the slots above.
    explored : bool array
        Whether it was not the best.
    repeats, lacks : float64 arrays
        What likeness to the slots above cost it, and what it gained for what they lacked.
    chance : float64 array
        What its fuel was worth to it in this slot, and what it is lent; 0 where nothing is drawn.
    """

    picks: NDArray[np.int64]
    propensities: Floats
    explored: NDArray[np.bool_]
    repeats: Floats
    lacks: Floats
    chance: Floats


class Mixture(NamedTuple):
    """What a visitor's clicks are made of, after H. Steck, "Calibrated recommendations" (2018).

    Attributes
    ----------
    taste : float32 array of shape (items, TASTES)
        Share of each taste in each item of the catalogue.
    wanted : float64 array of shape (tastes,)
        Share of each taste that the slate should have; empty for a visitor without clicks.
    calibration : float
        Logits that an item gains for being all of what the slate lacks.
    """

    taste: NDArray[np.float32]
    wanted: Floats
    calibration: float


NO_MIXTURE: Final = Mixture(np.empty((0, 0), dtype=np.float32), np.empty(0), 0.0)


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
    mixture: Mixture = NO_MIXTURE,
    lent: Floats | None = None,
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
    mixture : Mixture
        What the visitor's own clicks are made of, for the slate to reflect.
    lent : float64 array of shape (n,), optional
        Logits that each candidate is drawn with on top of its score, to try it out; the best are the best without. They
        count where the temperature is above 0.
    """
    lent = np.zeros(len(rows)) if lent is None else lent
    return Draw(*_race(scores, content, rows, min(size, len(rows)), temperature, diversity, key, *mixture, lent))


@compiled
def _race(
    scores: Floats,
    content: NDArray[np.float32],
    rows: NDArray[np.int64],
    size: int,
    temperature: float,
    diversity: float,
    key: int,
    taste: NDArray[np.float32],
    wanted: Floats,
    calibration: float,
    lent: Floats,
) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_], Floats, Floats, Floats]:
    count = rows.shape[0]
    penalty, taken = np.zeros(count), np.zeros(count, dtype=np.bool_)
    lacking = calibration * wanted
    adjusted = scores.copy()
    _calibrate(adjusted, scores, penalty, rows, taste, lacking)
    fuel = np.empty(count)
    for i in range(count):
        fuel[i] = -math.log(uniform(key, rows[i]))
    picks = np.empty(size, dtype=np.int64)
    propensities, explored = np.ones(size), np.zeros(size, dtype=np.bool_)
    repeats, lacks, chance = np.zeros(size), np.zeros(size), np.zeros(size)
    for slot in range(size):
        best = _best(adjusted, taken)
        pick = best
        if temperature > 0.0:
            eager = adjusted + lent
            top = eager[_best(eager, taken)]
            pick, propensities[slot], luck = _burn(eager, taken, fuel, top, temperature)
            chance[slot] = lent[pick] + luck
        picks[slot] = pick
        repeats[slot] = penalty[pick]
        lacks[slot] = adjusted[pick] - scores[pick] + penalty[pick]
        explored[slot] = pick != best
        taken[pick] = True
        if diversity > 0.0:
            _penalise(penalty, content, rows, rows[pick], diversity)
        for column in range(lacking.shape[0]):
            lacking[column] = max(lacking[column] - calibration * taste[rows[pick], column] / size, 0.0)
        _calibrate(adjusted, scores, penalty, rows, taste, lacking)
    return picks, propensities, explored, repeats, lacks, chance


@compiled
def _best(adjusted: Floats, taken: NDArray[np.bool_]) -> int:
    best = -1
    for i in range(adjusted.shape[0]):
        if not taken[i] and (best < 0 or adjusted[i] > adjusted[best]):
            best = i
    return best


@compiled
def _burn(
    eager: Floats, taken: NDArray[np.bool_], fuel: Floats, top: float, temperature: float
) -> tuple[int, float, float]:
    """Run until one tank is empty; return whose, the probability of that, and what its fuel was worth in logits.

    Takes what was burnt from `fuel`.
    """
    rates = np.zeros(eager.shape[0])
    winner, shortest, total = -1, math.inf, 0.0
    for i in range(eager.shape[0]):
        if taken[i]:
            continue
        rates[i] = math.exp((eager[i] - top) / temperature)
        total += rates[i]
        # The best one's rate is 1, so a rate that underflows to 0 never wins.
        if rates[i] > 0.0 and fuel[i] / rates[i] < shortest:
            winner, shortest = i, fuel[i] / rates[i]
    luck = -temperature * math.log(max(fuel[winner], LEAST_FUEL))
    for i in range(eager.shape[0]):
        fuel[i] = max(fuel[i] - rates[i] * shortest, 0.0)
    return winner, rates[winner] / total, luck


@compiled
def _calibrate(
    adjusted: Floats,
    scores: Floats,
    penalty: Floats,
    rows: NDArray[np.int64],
    taste: NDArray[np.float32],
    lacking: Floats,
) -> None:
    """Set the candidates' logits for the next slot: less what repeats, more what the slate still lacks."""
    for i in range(rows.shape[0]):
        gain = 0.0
        for column in range(lacking.shape[0]):
            if lacking[column] > 0.0:
                gain += taste[rows[i], column] * lacking[column]
        adjusted[i] = scores[i] - penalty[i] + gain


@compiled
def _penalise(
    penalty: Floats,
    content: NDArray[np.float32],
    rows: NDArray[np.int64],
    picked: int,
    diversity: float,
) -> None:
    """Note the candidates' largest likeness to any slot filled so far, now that `picked` fills one."""
    tokens = np.flatnonzero(content[picked])
    for i in range(rows.shape[0]):
        likeness = 0.0
        for token in tokens:
            likeness += content[picked, token] * content[rows[i], token]
        penalty[i] = max(penalty[i], diversity * likeness)
