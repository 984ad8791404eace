"""Small generated data for tests of quality, and what the best possible predictor makes of it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.quality import registry
from benchmarks.quality.contenders import Shown
from benchmarks.quality.generated import Market, Sessions, write_sessions, write_slates
from benchmarks.quality.next_item import Mode, NextItemTask
from benchmarks.quality.outcome import Outcome
from benchmarks.quality.ranking_metrics import LENGTH
from benchmarks.quality.slate_metrics import ndcg
from benchmarks.quality.slates import SlatesTask, happened
from recsys.datasets import ranklens

TRAIN = 600
TEST = 150
VISITORS = 60
LISTS = 6
SHOWN = 12


class Best(NamedTuple):
    """What nobody can beat but by luck."""

    hit_rate: float
    mrr: float


def sessions(folder: Path) -> Best:
    """Write ``train`` and ``test`` into the folder."""
    generated = Sessions()
    drawn = list(generated.draw(TRAIN + TEST))
    write_sessions(folder / "train", drawn[:TRAIN])
    write_sessions(folder / "test", drawn[TRAIN:])
    reciprocal = []
    for session in drawn[TRAIN:]:
        for seen in range(1, len(session)):
            best = generated.best(session[:seen], LENGTH)
            reciprocal.append(1.0 / (best.index(session[seen]) + 1) if session[seen] in best else 0.0)
    return Best(float(np.mean(np.array(reciprocal) > 0.0)), float(np.mean(reciprocal)))


def next_items(folder: Path, name: str, mode: Mode, *, shuffled: bool = False) -> Outcome:
    """Return what a contender makes of `sessions`."""
    task = NextItemTask(folder / "train", folder / "test", mode, shuffled=shuffled)
    return task.run(registry.make(registry.NEXT_ITEM, name))


def lists(folder: Path) -> float:
    """Write ``lists.jsonl``; return the NDCG of who knows everybody's taste, on the second half."""
    truth = write_slates(folder / "lists.jsonl", Market(), VISITORS, LISTS, SHOWN, seed=7)
    shown = [entry for entry in happened(ranklens.read(folder / "lists.jsonl").events) if isinstance(entry, Shown)]
    values = [
        ndcg(truth[entry.slate], np.isin(entry.items, entry.clicked))
        for entry in shown[len(shown) // 2 :]
        if entry.clicked
    ]
    return float(np.mean(values))


def scored(folder: Path, name: str, *, shuffled: bool = False, begin: float = 0.5) -> Outcome:
    """Return what a contender makes of `lists`, of the second half unless told otherwise."""
    return SlatesTask(folder / "lists.jsonl", begin=begin, shuffled=shuffled).run(registry.make(registry.SLATES, name))
