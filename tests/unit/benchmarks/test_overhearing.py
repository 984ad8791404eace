"""Peers that rank what the engine retrieves are trained on the choices that it learns itself."""

from collections.abc import Iterator

import pytest

from benchmarks.quality.freshet import EngineNextItem, overhear
from recsys.events import Click
from recsys.examples import Example
from recsys.learning import Learning
from recsys.models.base import NONE_OF_THESE

ITEMS = ("a", "b", "c") * 20


@pytest.fixture(autouse=True)
def _let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Learning, "learn", Learning.learn)


def clicks() -> Iterator[Click]:
    for place, item in enumerate(ITEMS):
        yield Click(event_time_ms=1_000 * (place + 1), session=f"s{place // 3}", item=item)


def folded() -> EngineNextItem:
    engine = EngineNextItem()
    for click in clicks():
        engine.learn(click)
    return engine


def test_each_choice_is_told_with_what_was_clicked() -> None:
    heard: list[Example] = []
    overhear(heard.append)
    rows = folded().learner.world.rows
    told = [int(example.rows[example.chosen]) for example in heard if example.chosen != NONE_OF_THESE]
    wanted = [rows[item] for item in ITEMS]
    assert told
    assert told == wanted[-len(told) :]


def test_who_is_overheard_learns_the_same() -> None:
    alone = folded().state_sha256()
    overhear(lambda example: None)
    assert folded().state_sha256() == alone
