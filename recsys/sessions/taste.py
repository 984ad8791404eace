"""What a visitor likes about items: a Gaussian process over all that they were shown.

    utility(item) ~ GP(0, k),   P(liked) = sigmoid(base logit + utility)

with the world's score as base. The kernel k says which items go together (`recsys.sessions.likeness`). So what was
passed over teaches as much as what was clicked, and an item without any click is judged like those it resembles.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.models import laplace
from recsys.models.base import NONE_OF_THESE
from recsys.renumbering import Places, moved_keys
from recsys.sessions.likeness import LEVEL_VARIANCE, Descriptions, covariances, describe, variances
from recsys.world import World

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Items that are remembered; the one noted longest ago gives way.
MEMORY: Final = 96
#: Base logits beyond this are as sure as this.
BASE_LIMIT: Final = 30.0
#: What is worth less than this share of an answer is forgotten.
LEAST_WORTH: Final = 0.01

_NOTE: Final = np.dtype([("row", "<i4"), ("liked", "u1"), ("base", "<f8"), ("worth", "<f8")])


class Note(msgspec.Struct, frozen=True, gc=False):
    """One remembered answer: yes or no, the logit of a yes without any taste, and what share of one it is worth.

    There are dozens in each session; the garbage collector need not look at them.
    """

    liked: bool
    base: float
    worth: float = 1.0


#: What a refusal says: no, although a yes had been likely; and how it is marked in a snapshot.
_REFUSAL: Final = Note(False, 1.7)
_REFUSED: Final = 2


class _Fit(NamedTuple):
    """What the memory says under one edition of the catalogue's descriptions."""

    edition: object
    rows: Rows
    weights: Floats
    noise: Floats


class Taste:
    """The posterior over one visitor's utility of any item, given what they liked and passed over.

    Predictions are a pure function of the notes and the world's descriptions: they change no state, and a restored
    taste makes the same ones to the last bit.
    """

    __slots__ = ("_fit", "_notes", "_refused")

    def __init__(self) -> None:
        self._notes: dict[int, Note] = {}
        self._refused: dict[int, Note] = {}
        self._fit: _Fit | None = None

    def __len__(self) -> int:
        """Return how many items are remembered."""
        return len(self._answers())

    def note(self, row: int, liked: bool, base_logit: float) -> None:
        """Remember an answer; the item becomes the newest one in memory.

        Parameters
        ----------
        row : int
            World row of the item.
        liked : bool
            Chosen, or seen and not chosen. Within a session an item that was liked stays liked; what an earlier
            session said (`discount`) is replaced.
        base_logit : float
            Log odds of a yes without this taste, position included; clipped at `BASE_LIMIT`.

        Raises
        ------
        ValueError
            When `base_logit` is not a number.
        """
        if base_logit != base_logit:
            raise ValueError("expected a number as base logit, received NaN")
        before = self._notes.pop(row, None)
        stays = before is not None and before.liked and before.worth == 1.0
        self._notes[row] = Note(liked or stays, max(-BASE_LIMIT, min(float(base_logit), BASE_LIMIT)))
        if len(self._notes) > MEMORY:
            del self._notes[next(iter(self._notes))]
        self._fit = None

    def note_choice(self, rows: Rows, chosen: int, base_logits: Floats) -> None:
        """Remember a choice: all `rows` were passed over but the one at index `chosen` (`NONE_OF_THESE`: all)."""
        for index, (row, base) in enumerate(zip(rows.tolist(), base_logits.tolist(), strict=True)):
            if index != chosen:
                self.note(row, False, base)
        if chosen != NONE_OF_THESE:
            self.note(int(rows[chosen]), True, float(base_logits[chosen]))

    def refuse(self, row: int) -> None:
        """Remember that an item is "not for me": that outweighs what was noted of it, until it is taken back."""
        self._refused[row] = _REFUSAL
        if len(self._refused) > MEMORY:
            del self._refused[next(iter(self._refused))]
        self._fit = None

    def restore(self, row: int) -> None:
        """Take a refusal back: what was noted of the item counts again."""
        if row in self._refused:
            del self._refused[row]
            self._fit = None

    def discount(self, keep: float) -> None:
        """Keep only this share (0 to 1) of each answer and refusal: what an earlier session is worth in the next."""
        self._notes, self._refused = _discounted(self._notes, keep), _discounted(self._refused, keep)
        self._fit = None

    def renumber(self, places: Places) -> None:
        """Name items by their new rows; what was noted of those that are gone is forgotten."""
        self._notes = moved_keys(self._notes, places)
        self._refused = moved_keys(self._refused, places)
        self._fit = None

    def logits(self, world: World, rows: Rows) -> Floats:
        """Return the expected utility of each item: what to add to the world's score. Shape (n,), 0 without notes.

        Parameters
        ----------
        world : World
            Only read.
        rows : int64 array of shape (n,)
            World rows.

        Notes
        -----
        The cost grows with n times the notes; the first call after a note, or after a description changed, adds the
        cube of the notes (24: 0.04 ms, 96: 0.3 ms).
        """
        if not self._answers():
            return np.zeros(len(rows))
        fit = self._fitted(world)
        return laplace.expected(covariances(describe(world, fit.rows), describe(world, rows)), fit.weights)

    def variances(self, world: World, rows: Rows) -> Floats:
        """Return the variance of each item's utility, shape (n,). Costs about twice as much as `logits`."""
        others = describe(world, rows)
        prior = variances(others)
        if not self._answers():
            return prior
        fit = self._fitted(world)
        known = describe(world, fit.rows)
        reduction = laplace.reduction(covariances(known, known), fit.noise, covariances(known, others))
        return np.maximum(prior - reduction, 0.0)

    def shared(self, world: World, facets: Descriptions, prior: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance of what the utility owes to each facet (`recsys.sessions.likeness.facets`).

        Exact: the utility is a sum of independent functions, and each one's posterior follows from its own covariances.
        """
        if not self._answers():
            return np.zeros(len(prior)), prior
        fit = self._fitted(world)
        known = describe(world, fit.rows)
        cross = covariances(known, facets) - LEVEL_VARIANCE
        mean = laplace.expected(cross, fit.weights)
        reduction = laplace.reduction(covariances(known, known), fit.noise, cross)
        return mean, np.maximum(prior - reduction, 0.0)

    def to_state(self) -> bytes:
        """Return the notes for a snapshot, oldest first."""
        notes = [(row, note.liked, note.base, note.worth) for row, note in self._notes.items()]
        refused = [(row, _REFUSED, note.base, note.worth) for row, note in self._refused.items()]
        return np.array(notes + refused, dtype=_NOTE).tobytes()

    @classmethod
    def from_state(cls, state: bytes) -> "Taste":
        """Return the taste that `to_state` described."""
        taste = cls()
        for row, liked, base, worth in np.frombuffer(state, dtype=_NOTE).tolist():
            if liked == _REFUSED:
                # Snapshots of before refusals faded have no worth here.
                taste._refused[row] = Note(False, base, worth) if worth else _REFUSAL
            else:
                taste._notes[row] = Note(bool(liked), base, worth)
        return taste

    def _answers(self) -> dict[int, Note]:
        """Return what counts, oldest first: the notes, and the refusals in their place."""
        return {**self._notes, **self._refused} if self._refused else self._notes

    def _fitted(self, world: World) -> _Fit:
        """Return the posterior, from before where nothing changed since. Notes of items that this world lacks wait."""
        if self._fit is None or self._fit.edition is not world.edition:
            answers = self._answers()
            rows = [row for row in answers if row < len(world.contents)]
            notes = [answers[row] for row in rows]
            places = describe(world, np.array(rows, dtype=np.int64))
            weights, noise = laplace.posterior(
                covariances(places, places),
                np.array([note.liked for note in notes], dtype=np.float64),
                np.array([note.base for note in notes], dtype=np.float64),
                np.array([note.worth for note in notes], dtype=np.float64),
            )
            self._fit = _Fit(world.edition, places.rows, weights, noise)
        return self._fit


def _discounted(notes: dict[int, Note], keep: float) -> dict[int, Note]:
    kept = {row: Note(note.liked, note.base, note.worth * keep) for row, note in notes.items()}
    return {row: note for row, note in kept.items() if note.worth >= LEAST_WORTH}
