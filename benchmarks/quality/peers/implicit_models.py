"""`implicit`: item-item BM25 and ALS, refitted in log time; the current session goes in by its own clicks (fold-in)."""

import warnings
from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender
from implicit.utils import ParameterWarning
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.peers.base import ClickPeer, Floats
from recsys.events import Click, ItemUpserted

SEED: Final = 20_240_229
#: Of a handful of settings, those that predict the last sessions of a shop's training file best.
FACTORS: Final = 256
ITERATIONS: Final = 8
ALPHA: Final = 10.0
REGULARISATION: Final = 1.0
NEIGHBOURS: Final = 100
K1: Final = 1.2
B: Final = 0.75
#: Beyond what is asked for, for what must not be repeated.
SPARE: Final = 200


class Interactions:
    """Who clicked what how often, as a matrix at any time."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._who = array("i")
        self._what = array("i")

    def __len__(self) -> int:
        return len(self._who)

    def add(self, who: str, row: int) -> None:
        """Add a click of `who` on the item of this row."""
        self._who.append(self._numbers.setdefault(who, len(self._numbers)))
        self._what.append(row)

    def matrix(self, items: int) -> csr_matrix:
        """Return counts, shape (people, items)."""
        ones = np.ones(len(self._who), dtype=np.float32)
        return csr_matrix((ones, (self._who, self._what)), shape=(len(self._numbers), items))


def own_clicks(rows: Sequence[int], items: int) -> csr_matrix:
    """Return one session's clicks as a matrix of shape (1, items); rows that are not among them are left out."""
    known, counts = np.unique([row for row in rows if row < items], return_counts=True)
    known = known.astype(np.int32)
    return csr_matrix((counts.astype(np.float32), (np.zeros_like(known), known)), shape=(1, items))


def new_als() -> Any:
    """Return an ALS model with fixed seed, on one thread."""
    return AlternatingLeastSquares(
        factors=FACTORS,
        regularization=REGULARISATION,
        alpha=ALPHA,
        iterations=ITERATIONS,
        num_threads=1,
        random_state=SEED,
    )


class _Refitted(ClickPeer):
    """Base: the model is fitted to all clicks so far when training has ended, and again every `refit_s` of log time."""

    def __init__(self, refit_s: int) -> None:
        super().__init__()
        self._refit_ms = 1_000 * refit_s
        self._asked = False
        self._interactions = Interactions()
        self._newest_ms = 0
        self._fitted_ms = 0
        self._fitted_items = 0
        self._fits = 0
        self._model: Any = None

    def configuration(self) -> dict[str, Any]:
        """Return how often it is refitted, and how often it was."""
        return {"refit_s": self._refit_ms // 1_000, "fits": self._fits}

    def trained(self, at_ms: int) -> None:
        """Fit the model."""
        self._asked = True
        if len(self._interactions):
            self._fit(at_ms)

    def _learn(self, event: Click, row: int, earlier: list[int]) -> None:
        if self._asked and event.event_time_ms - self._fitted_ms >= self._refit_ms and len(self._interactions):
            self._fit(event.event_time_ms)
        self._interactions.add(event.session, row)
        self._newest_ms = event.event_time_ms

    def _fit(self, at_ms: int) -> None:
        self._fitted_items = len(self.items)
        self._model = self._new_model()
        with warnings.catch_warnings():
            # BM25 weighs the matrix in another format, and then warns of that itself.
            warnings.simplefilter("ignore", ParameterWarning)
            self._model.fit(self._interactions.matrix(self._fitted_items), show_progress=False)
        self._fitted_ms, self._knowledge_ms = at_ms, self._newest_ms
        self._fits += 1

    def _new_model(self) -> Any:
        raise NotImplementedError

    def _scores(self, session: str, own: list[int], at_ms: int) -> tuple[NDArray[np.int64], Floats]:
        clicks = own_clicks(own, self._fitted_items)
        if self._model is None or not clicks.nnz:
            return np.empty(0, dtype=np.int64), np.empty(0)
        wanted = min(SPARE + len(own), self._fitted_items)
        rows, scores = self._model.recommend(
            0, clicks, N=wanted, filter_already_liked_items=False, recalculate_user=True
        )
        kept = rows >= 0
        return rows[kept].astype(np.int64), scores[kept].astype(np.float64)


class BM25(_Refitted):
    """Item-item neighbours under BM25 weights."""

    def configuration(self) -> dict[str, Any]:
        """Return the model's parameters as well."""
        return super().configuration() | {"neighbours": NEIGHBOURS, "k1": K1, "b": B}

    def _new_model(self) -> Any:
        return BM25Recommender(K=NEIGHBOURS, K1=K1, B=B, num_threads=1)


class ALS(_Refitted):
    """Matrix factorisation by alternating least squares; the session's factors are solved for at each query."""

    def configuration(self) -> dict[str, Any]:
        """Return the model's parameters as well."""
        return super().configuration() | als_parameters()

    def _new_model(self) -> Any:
        return new_als()


class SlateALS:
    """ALS over who clicked what on the lists; visitors without a click get the average visitor's factors.

    Parameters
    ----------
    refit_s : int
        Log time between fits.
    """

    logits = False

    def __init__(self, refit_s: int) -> None:
        self._refit_ms = 1_000 * refit_s
        self._rows: dict[str, int] = {}
        self._own: dict[str, list[int]] = {}
        self._interactions = Interactions()
        self._newest_ms = 0
        self._fitted_ms = 0
        self._knowledge_ms = 0
        self._fits = 0
        self._model: Any = None
        self._average: Floats = np.zeros(FACTORS)

    def begin(self, label_delay_s: float) -> None:
        """Do nothing: what is counted is counted when it is told."""

    def describe(self, item: ItemUpserted) -> None:
        """Give the item a row."""
        self._row(item.item)

    def score(self, query: Query) -> Sequence[float]:
        """Return products of factors; 0 for items that the model does not know."""
        if self._model is None:
            return [0.0] * len(query.items)
        factors = self._model.item_factors
        clicks = own_clicks(self._own.get(query.visitor, []), len(factors))
        who = self._model.recalculate_user(0, clicks) if clicks.nnz else self._average
        rows = [self._row(item) for item in query.items]
        return [float(factors[row] @ who) if row < len(factors) else 0.0 for row in rows]

    def observe(self, shown: Shown) -> None:
        """Remember the visitor's clicks."""
        self._own.setdefault(shown.visitor, []).extend(self._row(item) for item in shown.clicked)

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Add the clicks, and refit when it is time."""
        for item in shown.clicked:
            self._interactions.add(shown.visitor, self._row(item))
        self._newest_ms = shown.at_ms
        if len(self._interactions) and at_ms - self._fitted_ms >= self._refit_ms:
            self._model = new_als()
            self._model.fit(self._interactions.matrix(len(self._rows)), show_progress=False)
            self._average = self._model.user_factors.mean(axis=0)
            self._fitted_ms, self._knowledge_ms = at_ms, self._newest_ms
            self._fits += 1

    def knowledge_ms(self) -> int:
        """Return when the newest list that the model was fitted to was shown."""
        return self._knowledge_ms

    def configuration(self) -> dict[str, Any]:
        """Return parameters, and how often the model was fitted."""
        return {"refit_s": self._refit_ms // 1_000, "fits": self._fits} | als_parameters()

    def state_sha256(self) -> str:
        """Return nothing: peers promise no state."""
        return ""

    def _row(self, item: str) -> int:
        return self._rows.setdefault(item, len(self._rows))


def als_parameters() -> dict[str, Any]:
    """Return what `new_als` sets."""
    return {
        "factors": FACTORS,
        "iterations": ITERATIONS,
        "alpha": ALPHA,
        "regularisation": REGULARISATION,
        "seed": SEED,
    }
