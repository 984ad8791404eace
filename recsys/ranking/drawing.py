"""The draw: which item gets which slot, with what probability.

Each slot is drawn from a softmax of the scores, less a penalty for content like the slots above, more for tastes that
the visitor's clicks have and the slots above lack (Plackett-Luce with diversification and calibration). A part of the
draw goes to items that are unproven, by a softmax of what they may be. The draw is a race: an item holds an amount of
fuel, exponentially distributed, and burns it at a rate that is its probability; whoever is out of fuel first gets the
slot. What is left in the other tanks is again exponential, whatever happened before, so that

- the probability of each slot given the slots above is exactly that rate, also after penalties changed the rates,
- fuel depends on (seed, session, item) alone, so a slate stays as it is until a score changes.
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
#: For each so many logits that the best unproven candidate stays behind, e times less of the draw goes to all of them.
HOLDS_BACK: Final = 2.0

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
        What its fuel, and that it is unproven, were worth to it in this slot; 0 where nothing is drawn.
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


class Curiosity(NamedTuple):
    """What is not known of the candidates.

    Attributes
    ----------
    deviations : float64 array of shape (n,)
        How far the score of an unproven candidate may be off: a standard deviation in logits; 0 for proven ones.
    share : float
        The largest part of the draw of a slot that goes to unproven candidates, 0 to 1.
    """

    deviations: Floats
    share: float


NO_CURIOSITY: Final = Curiosity(np.empty(0), 0.0)
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
    curiosity: Curiosity = NO_CURIOSITY,
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
    curiosity : Curiosity
        What is not known of the candidates; counts where the temperature is above 0.
    """
    return Draw(*_race(scores, content, rows, min(size, len(rows)), temperature, diversity, key, *mixture, *curiosity))


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
    deviations: Floats,
    share: float,
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
    hopes = np.zeros(deviations.shape[0])
    for slot in range(size):
        best = _best(adjusted, taken)
        pick, top = best, adjusted[best]
        if temperature > 0.0:
            part = share * _hope(adjusted, taken, deviations, top, temperature, hopes) if share > 0.0 else 0.0
            pick, propensities[slot], chance[slot] = _burn(adjusted, taken, fuel, top, temperature, hopes, part)
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
def _hope(
    adjusted: Floats, taken: NDArray[np.bool_], deviations: Floats, top: float, temperature: float, hopes: Floats
) -> float:
    """Set in `hopes` how the unproven candidates share what goes to them; return how much of it is worth giving.

    Each counts as if it were a standard deviation better than it is believed to be. Nothing is held back when one of
    them would then be the best for the slot.
    """
    foremost, total = -math.inf, 0.0
    for i in range(deviations.shape[0]):
        hopes[i] = -math.inf
        if not taken[i] and deviations[i] > 0.0:
            hopes[i] = adjusted[i] + deviations[i] - top
            foremost = max(foremost, hopes[i])
    if foremost == -math.inf:
        return 0.0
    for i in range(deviations.shape[0]):
        hopes[i] = math.exp((hopes[i] - foremost) / temperature)
        total += hopes[i]
    for i in range(deviations.shape[0]):
        hopes[i] /= total
    return math.exp(min(foremost, 0.0) / HOLDS_BACK)


@compiled
def _burn(
    adjusted: Floats,
    taken: NDArray[np.bool_],
    fuel: Floats,
    top: float,
    temperature: float,
    hopes: Floats,
    part: float,
) -> tuple[int, float, float]:
    """Run until one tank is empty; return whose, the probability of that, and what its fuel was worth in logits.

    Rates are a softmax of the scores, and where `part` of the draw goes to unproven candidates, that much of `hopes`.
    Takes what was burnt from `fuel`.
    """
    rates = np.zeros(adjusted.shape[0])
    total = 0.0
    for i in range(adjusted.shape[0]):
        if not taken[i]:
            rates[i] = math.exp((adjusted[i] - top) / temperature)
            total += rates[i]
    scale = (1.0 - part) / total
    for i in range(adjusted.shape[0]):
        rates[i] *= scale
    if part > 0.0:
        for i in range(hopes.shape[0]):
            rates[i] += part * hopes[i]
    winner, shortest = -1, math.inf
    for i in range(adjusted.shape[0]):
        # Rates add up to 1, so one that underflows to 0 never wins.
        if rates[i] > 0.0 and fuel[i] / rates[i] < shortest:
            winner, shortest = i, fuel[i] / rates[i]
    burnt = math.log(max(fuel[winner], LEAST_FUEL))
    won_with = top + temperature * (math.log(rates[winner] * total) - burnt)
    for i in range(adjusted.shape[0]):
        fuel[i] = max(fuel[i] - rates[i] * shortest, 0.0)
    return winner, rates[winner], won_with - adjusted[winner]


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
