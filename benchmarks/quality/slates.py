"""Lists that were shown, in event time: each is scored before its clicks are known.

The visitor's own session knows them at once, the world after the label delay. Lists before the scored part are
learned in the same way.
"""

import dataclasses
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.contenders import Query, Shown, Slates
from benchmarks.quality.measuring import Latencies, Meter
from benchmarks.quality.outcome import Outcome, phases
from benchmarks.quality.shuffling import moved
from benchmarks.quality.slate_metrics import SlateScores
from recsys.datasets import ranklens
from recsys.datasets.base import Dataset
from recsys.errors import DatasetError
from recsys.events import Click, Event, ItemUpserted, SlateServed


@dataclasses.dataclass(frozen=True)
class SlatesTask:
    """What is to be done.

    Attributes
    ----------
    file : Path
    begin, end : float
        The scored part, as fractions of the lists; what lies before is learned, what comes after is left.
    label_delay_s : float
        From showing a list to the world's learning from it.
    positions_known : bool
        Whether scores may use where each item stood. A ranker decides on the order, so it can't; this is for
        measuring how much of the clicks the places explain.
    shuffled : bool
        Whether clicks are moved to random places of their list (`shuffling`): nothing is left to be learned.
    seed : int
        Shuffles the items of each query, and the clicks.
    """

    file: Path
    begin: float = 0.5
    end: float = 1.0
    label_delay_s: float = 30.0
    positions_known: bool = False
    shuffled: bool = False
    seed: int = 20_240_229

    def describe(self) -> dict[str, Any]:
        """Return the task for JSON."""
        return {"task": "slates", **dataclasses.asdict(self), "file": self.file.name}

    def run(self, contender: Slates) -> Outcome:
        """Score and learn in event time, and return what came of it.

        Raises
        ------
        DatasetError
            When the file can't be read, or there is no list in the scored part.
        """
        dataset = ranklens.read(self.file)
        stream = list(happened(dataset.events))
        if self.shuffled:
            stream = [self._shuffled(entry) for entry in stream]
        lists = sum(isinstance(entry, Shown) for entry in stream)
        first, last = round(self.begin * lists), round(self.end * lists)
        if first >= last:
            raise DatasetError(
                f"{self.file}: expected lists between {self.begin:.0%} and {self.end:.0%}, found {lists} in all"
            )
        contender.begin(self.label_delay_s)
        run = _Run(self, contender)
        with run.training:
            run.through(stream, first, counted=False)
        with run.predicting:
            run.through(stream, last, counted=True)
        return self._outcome(run, dataset, lists)

    def _shuffled(self, entry: ItemUpserted | Shown) -> ItemUpserted | Shown:
        return dataclasses.replace(entry, clicked=moved(entry, self.seed)) if isinstance(entry, Shown) else entry

    def _outcome(self, run: "_Run", dataset: Dataset, lists: int) -> Outcome:
        figures = run.scores.figures(logits=run.contender.logits)
        figures |= run.latencies.figures() | phases(run.training, run.predicting)
        figures["knowledge_age_s"] = round(run.age_ms / max(run.aged, 1) / 1_000, 2)
        return Outcome(
            figures=figures,
            data={"items": len(dataset.items), "lists": lists, "notes": list(dataset.notes)},
            rejected=list(dataset.rejected),
            bad_lines={self.file.name: len(dataset.rejected)},
            paired={"ndcg_at_10": run.scores.ndcgs()},
            clusters=run.scores.visitors(),
        )


def happened(events: Sequence[Event]) -> Iterator[ItemUpserted | Shown]:
    """Yield the catalogue's items and the lists with their clicks, in order of time.

    Clicks of the same time stand as the reader of the data set put them: where nobody knows in which order they were
    made, that must not be the order of their places.
    """
    clicked: dict[str, dict[str, None]] = {}
    for event in events:
        if isinstance(event, Click):
            clicked.setdefault(event.slate, {})[event.item] = None
    for event in events:
        if isinstance(event, ItemUpserted):
            yield event
        elif isinstance(event, SlateServed):
            on_it = tuple(clicked.get(event.slate, ()))
            yield Shown(event.slate, event.session, event.event_time_ms, event.items, on_it)


class _Run:
    """One contender on its way through the lists."""

    def __init__(self, task: SlatesTask, contender: Slates) -> None:
        self.contender = contender
        self.training, self.predicting = Meter(), Meter()
        self.scores, self.latencies = SlateScores(), Latencies()
        self.age_ms = 0
        self.aged = 0
        self._task = task
        self._delay_ms = round(task.label_delay_s * 1_000)
        self._random = random.Random(task.seed)
        self._waiting: deque[Shown] = deque()
        self._visits: dict[str, int] = {}
        self._place = 0
        self._lists = 0

    def through(self, stream: list[ItemUpserted | Shown], last: int, *, counted: bool) -> None:
        """Go on until `last` lists have been shown."""
        while self._place < len(stream) and self._lists < last:
            entry = stream[self._place]
            self._place += 1
            if isinstance(entry, ItemUpserted):
                self.contender.describe(entry)
                continue
            self._learn_what_is_due(entry.at_ms)
            self._score(entry, counted=counted)
            self.contender.observe(entry)
            self._waiting.append(entry)
            self._lists += 1

    def _learn_what_is_due(self, now_ms: int) -> None:
        while self._waiting and self._waiting[0].at_ms + self._delay_ms <= now_ms:
            shown = self._waiting.popleft()
            self.scores.learn(shown.slate)
            self.contender.learn(shown, now_ms)

    def _score(self, shown: Shown, *, counted: bool) -> None:
        order = list(range(len(shown.items)))
        self._random.shuffle(order)
        positions = tuple(order) if self._task.positions_known else ()
        items = tuple(shown.items[place] for place in order)
        query = Query(shown.slate, shown.visitor, shown.at_ms, items, positions)
        began = time.perf_counter_ns()
        scores = np.asarray(self.contender.score(query), dtype=np.float64)
        took = time.perf_counter_ns() - began
        if scores.shape != (len(items),) or not np.isfinite(scores).all():
            raise ValueError(f"expected {len(items)} finite scores, received {scores!r}")
        clicked = set(shown.clicked)
        labels = np.array([item in clicked for item in items])
        choices = [items.index(item) for item in shown.clicked]
        visit = self._visits[shown.visitor] = self._visits.get(shown.visitor, 0) + 1
        self.scores.add(shown.slate, shown.visitor, visit, scores, labels, choices, counted=counted)
        if counted:
            self.latencies.add(took)
            if known := self.contender.knowledge_ms():
                self.age_ms += shown.at_ms - known
                self.aged += 1
