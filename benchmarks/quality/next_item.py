"""Sessions from files: each item after a session's first is predicted from those before it, among all seen so far.

*Frozen*: after the training file the world stays as it is, and only the session's own belief moves. *Learning*: after
each prediction the click also goes into the world, as on a live site.
"""

import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from benchmarks.quality.contenders import NextItem
from benchmarks.quality.measuring import Latencies, Meter
from benchmarks.quality.outcome import Outcome, phases
from benchmarks.quality.ranking_metrics import LENGTH, Ranks, hits, reciprocals
from benchmarks.quality.session_lines import EXPECTED, Line, SessionLines, click_ms
from benchmarks.quality.shuffling import Draws
from recsys.errors import DatasetError
from recsys.events import Click

Mode = Literal["frozen", "learning"]


@dataclasses.dataclass(frozen=True)
class NextItemTask:
    """What is to be done.

    Attributes
    ----------
    train : Path
    test : Path or None
        None takes the last `tail` sessions of `train` instead, and trains on those before.
    mode : "frozen" or "learning"
    limit : int
        Test sessions to predict, 0 for all.
    tail : int
    shuffled : bool
        Whether items are replaced by random draws (`shuffling`): nothing but popularity is left to be learned.
    seed : int
        Of these draws.
    """

    train: Path
    test: Path | None
    mode: Mode
    limit: int = 0
    tail: int = 0
    shuffled: bool = False
    seed: int = 20_240_229

    def describe(self) -> dict[str, Any]:
        """Return the task for JSON."""
        return {
            "task": "next-item",
            "train": self.train.name,
            "test": self.test.name if self.test else f"last {self.tail} sessions of {self.train.name}",
            "mode": self.mode,
            "limit": self.limit,
            "shuffled": self.shuffled,
        }

    def run(self, contender: NextItem) -> Outcome:
        """Train, predict, and return what came of it.

        Raises
        ------
        DatasetError
            When a file can't be read, or there is nothing to predict.
        """
        run = _Run(contender, self.mode)
        train = SessionLines(self.train)
        held_out = self._first_of_tail(train)
        test = train if self.test is None else SessionLines(self.test)
        self._expect_predictions(test, held_out)
        prepared = Draws(self.seed) if self.shuffled else iter
        with run.training:
            run.train(prepared(itertools.takewhile(lambda line: held_out is None or line.number < held_out, train)))
        minutes = 0 if test is train else train.lines
        with run.predicting:
            run.predict(prepared(self._asked(test, held_out)), minutes)
        return self._outcome(run, [train] if test is train else [train, test])

    def _asked(self, test: SessionLines, held_out: int | None) -> Iterator[Line]:
        """Yield the sessions to predict."""
        lines = (line for line in test if held_out is None or line.number >= held_out)
        return itertools.islice(lines, self.limit or None)

    def _expect_predictions(self, test: SessionLines, held_out: int | None) -> None:
        """Read what is to be predicted once; what is wrong with it must not be found out after hours of training."""
        if max((len(line.items) for line in self._asked(test, held_out)), default=0) < 2:
            raise DatasetError(f"{test.path}: expected {EXPECTED}; no session has a second item to predict")

    def _first_of_tail(self, train: SessionLines) -> int | None:
        """Return the number of the line at which the tail begins, None where all of the file is for training."""
        if self.test is not None:
            return None
        numbers = [line.number for line in train]
        if len(numbers) <= self.tail:
            raise DatasetError(
                f"{self.train}: expected more than the {self.tail} sessions held out, found {len(numbers)}"
            )
        return numbers[-self.tail]

    def _outcome(self, run: "_Run", files: list[SessionLines]) -> Outcome:
        figures = run.ranks.figures(len(run.known))
        figures |= run.latencies.figures() | phases(run.training, run.predicting)
        figures["knowledge_age_s"] = round(run.age_ms / len(run.ranks) / 1_000, 1)
        ranks = run.ranks.ranks()
        bad_lines: Counter[str] = Counter()  # files of two folders may have one name
        for file in files:
            bad_lines[file.path.name] += file.bad
        return Outcome(
            figures=figures,
            data={"items": len(run.known), "train_clicks": run.trained, "test_sessions": run.predicted},
            rejected=[row for file in files for row in file.rejected],
            bad_lines=dict(bad_lines),
            paired={"hit_rate_at_20": hits(ranks, LENGTH), "mrr_at_20": reciprocals(ranks, LENGTH)},
            clusters=run.ranks.sessions(),
        )


class _Run:
    """One contender on its way through the files."""

    def __init__(self, contender: NextItem, mode: Mode) -> None:
        self.contender = contender
        self.learning = mode == "learning"
        self.training, self.predicting = Meter(), Meter()
        self.ranks, self.latencies = Ranks(), Latencies()
        self.known: set[str] = set()
        self.age_ms = 0
        self.trained = 0
        self.predicted = 0

    def train(self, lines: Iterable[Line]) -> None:
        now_ms = 0
        for line in lines:
            session = f"train-{line.number}"
            for place, item in enumerate(line.items):
                now_ms = click_ms(line.number, place)
                self.contender.learn(Click(event_time_ms=now_ms, session=session, item=item))
            self.trained += len(line.items)
            self.known.update(line.items)
        self.contender.trained(now_ms)

    def predict(self, lines: Iterable[Line], minutes: int) -> None:
        for line in lines:
            session = f"test-{line.number}"
            for place, item in enumerate(line.items):
                at_ms = click_ms(minutes + line.number, place)
                if place:
                    self.ask(session, at_ms, item, place)
                click = Click(event_time_ms=at_ms, session=session, item=item)
                self.contender.observe(click)
                if self.learning:
                    self.contender.learn(click)
                    self.known.add(item)
            self.contender.end(session)
            self.predicted += 1

    def ask(self, session: str, at_ms: int, target: str, seen: int) -> None:
        began = time.perf_counter_ns()
        recommended = self.contender.recommend(session, at_ms, LENGTH, repeats=True)
        self.latencies.add(time.perf_counter_ns() - began)
        self.age_ms += at_ms - self.contender.knowledge_ms()
        self.ranks.add(recommended, target, seen, self.predicted)
