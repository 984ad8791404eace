"""A whole history, prequentially: each click is predicted from what came before it, then learned by everybody.

As on the site's own slate, nothing is recommended twice: what a session clicked already is left out, and a click that
goes back to it is no prediction.
"""

import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.contenders import NextItem
from benchmarks.quality.measuring import Latencies, Meter
from benchmarks.quality.outcome import Outcome, phases
from benchmarks.quality.ranking_metrics import LENGTH, Ranks, hits, reciprocals
from recsys.datasets import movielens, tabular
from recsys.datasets.base import Dataset
from recsys.errors import DatasetError
from recsys.events import Click, Event, Impression, ItemUpserted, SessionEvent

SESSION_GAP_S = 1_800
EXPECTED = "the name movielens, or a folder with items and events in the import format (docs/data-format.md)"


@dataclasses.dataclass(frozen=True)
class HistoryTask:
    """What is to be done.

    Attributes
    ----------
    dataset : str
        ``"movielens"`` or a folder.
    cache : Path
        Where MovieLens lies, or is put.
    limit : int
        Clicks to predict, 0 for all; the history ends behind them.
    """

    dataset: str
    cache: Path
    limit: int = 0

    def describe(self) -> dict[str, Any]:
        """Return the task for JSON."""
        return {"task": "history", "dataset": self.dataset, "limit": self.limit}

    def read(self) -> Dataset:
        """Read the history.

        Raises
        ------
        DatasetError
            When it can't be read, or holds no click.
        """
        if self.dataset == movielens.NAME:
            return movielens.read(movielens.fetch(self.cache), SESSION_GAP_S)
        folder = Path(self.dataset)
        if not folder.is_dir():
            raise DatasetError(f"{self.dataset}: expected {EXPECTED}, found no such folder")
        return tabular.read(folder, SESSION_GAP_S)

    def run(self, contender: NextItem) -> Outcome:
        """Predict each click of the history, and return what came of it."""
        dataset = self.read()
        run = _Run(contender)
        with run.meter:
            run.through(dataset.events, self.limit)
        if not len(run.ranks):
            raise DatasetError(f"{self.dataset}: expected clicks to predict, found none")
        figures = run.ranks.figures(len(dataset.items))
        figures |= run.latencies.figures() | phases(Meter(), run.meter)
        figures["knowledge_age_s"] = round(run.age_ms / max(run.aged, 1) / 1_000, 1)
        ranks = run.ranks.ranks()
        return Outcome(
            figures=figures,
            data={
                "items": len(dataset.items),
                "events": len(dataset.events),
                "returns": run.returns,
                "notes": list(dataset.notes),
            },
            rejected=list(dataset.rejected),
            bad_lines={dataset.name: len(dataset.rejected)},
            paired={"hit_rate_at_20": hits(ranks, LENGTH), "mrr_at_20": reciprocals(ranks, LENGTH)},
            clusters=run.ranks.sessions(),
        )


def foretold(events: Iterable[Event]) -> Iterator[tuple[Event, bool]]:
    """Yield each event, and whether the click that it is, or gives away, must be predicted before it is told.

    Where histories know only what was chosen, the impression before a click is made from it: same session, item and
    time. It would give the click away.

    >>> seen = Impression(event_time_ms=5, session="s", item="a")
    >>> clicked = Click(event_time_ms=5, session="s", item="a")
    >>> [told for _, told in foretold([seen, clicked, clicked])]
    [True, False, True]
    """
    waiting: Event | None = None
    for event in events:
        given_away = isinstance(event, Click) and isinstance(waiting, Impression) and _same(waiting, event)
        if waiting is not None:
            yield waiting, given_away
        waiting = event if isinstance(event, Impression) else None
        if waiting is None:
            yield event, isinstance(event, Click) and not given_away
    if waiting is not None:
        yield waiting, False


def _same(seen: Impression, clicked: Click) -> bool:
    return (seen.event_time_ms, seen.session, seen.item, seen.slate) == (
        clicked.event_time_ms, clicked.session, clicked.item, clicked.slate,
    )  # fmt: skip


class _Run:
    """One contender on its way through a history."""

    def __init__(self, contender: NextItem) -> None:
        self.contender = contender
        self.meter = Meter()
        self.ranks, self.latencies = Ranks(), Latencies()
        self.age_ms = 0
        self.aged = 0
        self.returns = 0
        self._clicked: dict[str, set[str]] = {}
        self._numbers: dict[str, int] = {}

    def through(self, events: Sequence[Event], limit: int) -> None:
        last = {event.session: place for place, event in enumerate(events) if isinstance(event, SessionEvent)}
        self.contender.trained(0)
        for place, (event, predict) in enumerate(foretold(events)):
            if predict and limit and len(self.ranks) >= limit:
                return
            if predict and isinstance(event, Click | Impression):
                self._ask(event)
            if isinstance(event, Click):
                self._clicked.setdefault(event.session, set()).add(event.item)
            if not isinstance(event, ItemUpserted):
                self.contender.observe(event)
            self.contender.learn(event)
            if isinstance(event, SessionEvent) and last[event.session] == place:
                self.contender.end(event.session)
                self._clicked.pop(event.session, None)

    def _ask(self, event: Click | Impression) -> None:
        clicked = self._clicked.get(event.session, set())
        if event.item in clicked:
            self.returns += 1
            return
        began = time.perf_counter_ns()
        recommended = self.contender.recommend(event.session, event.event_time_ms, LENGTH, repeats=False)
        self.latencies.add(time.perf_counter_ns() - began)
        if known := self.contender.knowledge_ms():
            self.age_ms += event.event_time_ms - known
            self.aged += 1
        if not clicked.isdisjoint(recommended):
            raise ValueError(f"expected no item that the session clicked, received {list(recommended)}")
        session = self._numbers.setdefault(event.session, len(self._numbers))
        self.ranks.add(recommended, event.item, len(clicked), session)
