"""A contender is never told what it is still to be asked about, and is told everything it should know."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.history import HistoryTask
from benchmarks.quality.next_item import Mode, NextItemTask
from benchmarks.quality.slates import SlatesTask
from recsys.errors import DatasetError
from recsys.events import Click, Event, Impression, ItemUpserted, SessionEvent


class Spy:
    """Writes down each call, and answers with what it was told the session or the world did."""

    logits = False

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.told: list[Event] = []
        self.newest_ms = 0

    def learn(self, told: Any, at_ms: int = 0) -> None:
        self.calls.append(("learn", told, at_ms))
        self.told.append(told)
        self.newest_ms = told.at_ms if isinstance(told, Shown) else told.event_time_ms

    def observe(self, told: Any) -> None:
        self.calls.append(("observe", told))
        self.told.append(told)

    def trained(self, at_ms: int) -> None:
        self.calls.append(("trained", at_ms))

    def end(self, session: str) -> None:
        self.calls.append(("end", session))

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        self.calls.append(("recommend", session, at_ms))
        of_session = [event for event in self.told if isinstance(event, SessionEvent) and event.session == session]
        assert all(event.event_time_ms <= at_ms for event in of_session)
        clicked = [event.item for event in of_session if isinstance(event, Click)]
        return list(dict.fromkeys(clicked[::-1]))[:k] if repeats else []

    def begin(self, label_delay_s: float) -> None:
        self.calls.append(("begin", label_delay_s))

    def describe(self, item: ItemUpserted) -> None:
        self.calls.append(("describe", item.item))

    def score(self, query: Query) -> Sequence[float]:
        self.calls.append(("score", query))
        return [float(place) for place in range(len(query.items))]

    def knowledge_ms(self) -> int:
        return self.newest_ms

    def configuration(self) -> dict[str, Any]:
        return {}

    def state_sha256(self) -> str:
        return ""


def next_item(folder: Path, mode: Mode, train: str = "a b\nc\n", test: str = "x y x\nlone\nz x\n", **more: int) -> Spy:
    (folder / "train").write_text(train)
    (folder / "test").write_text(test)
    spy = Spy()
    spy.outcome = NextItemTask(folder / "train", folder / "test", mode, **more).run(spy)
    return spy


def short(call: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the call's name with the item of the click that it told."""
    return (call[0], call[1].item) if isinstance(call[1], Click) else call[:1]


def test_each_click_is_asked_about_then_observed_then_learned(tmp_path: Path) -> None:
    spy = next_item(tmp_path, "learning")
    assert [short(call) for call in spy.calls] == [
        ("learn", "a"), ("learn", "b"), ("learn", "c"), ("trained",),
        ("observe", "x"), ("learn", "x"),
        ("recommend",), ("observe", "y"), ("learn", "y"),
        ("recommend",), ("observe", "x"), ("learn", "x"), ("end",),
        ("observe", "lone"), ("learn", "lone"), ("end",),
        ("observe", "z"), ("learn", "z"),
        ("recommend",), ("observe", "x"), ("learn", "x"), ("end",),
    ]  # fmt: skip


def test_frozen_world_is_told_nothing_after_training(tmp_path: Path) -> None:
    spy = next_item(tmp_path, "frozen")
    names = [call[0] for call in spy.calls]
    assert "learn" not in names[names.index("trained") :]
    assert names.count("recommend") == 3


def test_hits_are_of_what_came_next(tmp_path: Path) -> None:
    figures = next_item(tmp_path, "frozen").outcome.figures
    # The spy recommends what the session clicked: it is right once in three, at rank 2 (y, x).
    assert figures["hit_rate_at_20"] == pytest.approx(1 / 3, abs=1e-6)
    assert figures["mrr_at_20"] == pytest.approx(1 / 6, abs=1e-6)


def test_time_goes_on_from_training_to_test(tmp_path: Path) -> None:
    spy = next_item(tmp_path, "learning")
    times = [call[1].event_time_ms for call in spy.calls if call[0] == "learn"]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_knowledge_age_is_measured_in_log_time(tmp_path: Path) -> None:
    frozen, learning = (next_item(tmp_path, mode).outcome.figures for mode in ("frozen", "learning"))
    assert learning["knowledge_age_s"] == 0.5
    assert frozen["knowledge_age_s"] > 60


def test_limit_counts_test_sessions(tmp_path: Path) -> None:
    spy = next_item(tmp_path, "frozen", limit=2)
    assert [call[0] for call in spy.calls].count("end") == 2


def test_tail_is_held_out_of_training(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a b\n\nc d\ne f\n")
    spy = Spy()
    NextItemTask(tmp_path / "train", None, "frozen", tail=2).run(spy)
    assert [short(call)[1] for call in spy.calls if call[0] == "learn"] == ["a", "b"]
    assert [short(call)[1] for call in spy.calls if call[0] == "observe"] == ["c", "d", "e", "f"]


def test_tail_that_leaves_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a b\nc d\n")
    with pytest.raises(DatasetError, match="more than the 2 sessions held out, found 2"):
        NextItemTask(tmp_path / "train", None, "frozen", tail=2).run(Spy())


@pytest.mark.parametrize("test", ["x\ny\n", "", None])
def test_nothing_to_predict_is_refused_before_anything_is_learned(tmp_path: Path, test: str | None) -> None:
    (tmp_path / "train").write_text("a b\n")
    if test is not None:
        (tmp_path / "test").write_text(test)
    spy = Spy()
    with pytest.raises(DatasetError, match="test: expected one session a line"):
        NextItemTask(tmp_path / "train", tmp_path / "test", "frozen").run(spy)
    assert not spy.calls


def test_tail_with_nothing_to_predict_is_refused_before_anything_is_learned(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a b\nc\nd\n")
    spy = Spy()
    with pytest.raises(DatasetError, match="no session has a second item"):
        NextItemTask(tmp_path / "train", None, "frozen", tail=2).run(spy)
    assert not spy.calls


def test_empty_training_file_is_a_cold_start(tmp_path: Path) -> None:
    assert next_item(tmp_path, "learning", train="").outcome.figures["predictions"] == 3


# -- histories ---------------------------------------------------------------------------------------------------


def history(folder: Path, limit: int = 0, rows: Sequence[str] = ()) -> Spy:
    (folder / "items.csv").write_text("item,title\na,A\nb,B\nc,C\n")
    rows = ["rating,1,s,a,5", "rating,1,s,b,2", "rating,2,s,b,4", "click,3,s,c,", "click,4,s,a,", *rows]
    (folder / "events.csv").write_text("type,time_s,session,item,rating\n" + "\n".join(rows) + "\n")
    spy = Spy()
    spy.outcome = HistoryTask(str(folder), folder, limit).run(spy)
    return spy


def test_impression_that_gives_the_click_away_is_told_after_the_question(tmp_path: Path) -> None:
    spy = history(tmp_path)
    done = [(call[0], type(call[1]), call[1].item) for call in spy.calls if call[0] == "observe"]
    asked = [index for index, call in enumerate(spy.calls) if call[0] == "recommend"]
    told = [spy.calls[index + 1][1] for index in asked]
    assert done[:2] == [("observe", Impression, "a"), ("observe", Click, "a")]
    assert [(type(event), event.item) for event in told] == [(Impression, "a"), (Impression, "b"), (Click, "c")]


def test_going_back_is_counted_and_not_predicted(tmp_path: Path) -> None:
    outcome = history(tmp_path).outcome
    assert (outcome.figures["predictions"], outcome.data["returns"]) == (3, 1)


def test_history_ends_behind_the_last_click_asked_for(tmp_path: Path) -> None:
    spy = history(tmp_path, limit=2)
    assert [call[0] for call in spy.calls].count("recommend") == 2
    assert [event.item for event in spy.told if isinstance(event, Click)][-1] == "b"


def test_session_of_a_history_is_let_go_with_its_last_event(tmp_path: Path) -> None:
    spy = history(tmp_path, rows=["click,5,t,a,", "click,9,s,b,", "click,10,t,b,"])
    assert [(call[0], getattr(call[1], "session", call[1])) for call in spy.calls[-6:]] == [
        ("learn", "s"), ("end", "s"), ("recommend", "t"), ("observe", "t"), ("learn", "t"), ("end", "t"),
    ]  # fmt: skip
    assert [call[0] for call in spy.calls].count("end") == 2


# -- slates ------------------------------------------------------------------------------------------------------


def slates(folder: Path, **options: Any) -> Spy:
    lines: list[dict[str, Any]] = [
        {"event": "item", "item": str(n), "timestamp": 0, "fields": [{"name": "title", "value": f"T{n}"}]}
        for n in range(4)
    ]
    for number, at_s in enumerate((10, 20, 45, 60)):
        shown = [{"id": str(n)} for n in range(4)]
        ranking = {"event": "ranking", "id": f"r{number}", "session": f"v{number % 2}", "items": shown}
        lines.append({**ranking, "timestamp": 1_000 * at_s})
        click = {"event": "interaction", "item": str(number), "ranking": f"r{number}", "session": f"v{number % 2}"}
        lines.append({**click, "timestamp": 1_000 * at_s + 5_000})
    file = folder / "lists.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    spy = Spy()
    spy.outcome = SlatesTask(file, **options).run(spy)
    return spy


def test_world_learns_a_list_when_its_delay_has_passed(tmp_path: Path) -> None:
    calls = [call for call in slates(tmp_path, begin=0.0, label_delay_s=30).calls if hasattr(call[1], "slate")]
    assert [(call[0], call[1].slate) for call in calls] == [
        ("score", "r0"), ("observe", "r0"),
        ("score", "r1"), ("observe", "r1"),
        ("learn", "r0"), ("score", "r2"), ("observe", "r2"),
        ("learn", "r1"), ("score", "r3"), ("observe", "r3"),
    ]  # fmt: skip


def test_only_the_part_asked_for_counts(tmp_path: Path) -> None:
    spy = slates(tmp_path, begin=0.5, end=0.75)
    assert spy.outcome.figures["predictions"] == 1
    assert [call[1].slate for call in spy.calls if call[0] == "score"] == ["r0", "r1", "r2"]


def test_query_hides_where_items_stood_unless_asked(tmp_path: Path) -> None:
    hidden = [call[1] for call in slates(tmp_path, begin=0.0).calls if call[0] == "score"]
    assert {query.positions for query in hidden} == {()}
    assert any(query.items != ("0", "1", "2", "3") for query in hidden)
    known = [call[1] for call in slates(tmp_path, begin=0.0, positions_known=True).calls if call[0] == "score"]
    assert all(query.items == tuple(str(place) for place in query.positions) for query in known)


def test_every_run_asks_the_same_questions(tmp_path: Path) -> None:
    first, second = (slates(tmp_path, begin=0.0).calls for _ in range(2))
    assert first == second
