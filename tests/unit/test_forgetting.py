"""A forgotten session teaches nothing from its tombstone on, in whatever batches the log is folded."""

from recsys.config import EngineConfig
from recsys.events import Click, Event, Impression, SessionForgotten, SlateServed, decode, encode
from recsys.fold import FORGOTTEN_REMEMBERED, Fold
from recsys.learner import Learner
from recsys.log.base import Record
from tests.unit.engine_samples import START_MS, film

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
FILMS = [film(number) for number in range(24)]
ITEMS = tuple(each.item for each in FILMS[:6])


def visit(session: str, slate: str, at_ms: int) -> list[Event]:
    """Show six films and have all of them seen."""
    place = {"event_time_ms": at_ms, "session": session, "slate": slate}
    seen = [Impression(item=item, position=position, **place) for position, item in enumerate(ITEMS)]
    return [SlateServed(surface="new", items=ITEMS, **place), *seen]


def click(session: str, slate: str, position: int, at_ms: int) -> Click:
    return Click(event_time_ms=at_ms, session=session, slate=slate, item=ITEMS[position], position=position)


def records(events: list[Event]) -> list[Record]:
    return [Record(f"{START_MS + 1_000 * n}-0", event, encode(event)) for n, event in enumerate(events)]


def folded(events: list[Event]) -> Learner:
    learner = Learner(CONFIG)
    learner.fold(records(events))
    return learner


BEFORE = [*FILMS, *visit("s", "1", START_MS), click("s", "1", 2, START_MS)]
TOMBSTONE = SessionForgotten(event_time_ms=START_MS, session="s")
AFTER = [click("s", "1", 3, START_MS), *visit("s", "2", START_MS), click("s", "2", 4, START_MS)]
LATER = [Impression(event_time_ms=START_MS + 10**7, session="t", item=ITEMS[0])]


def taught(learner: Learner) -> list[float]:
    return [*learner.world.model.weight_mean().tolist(), *learner.world.items["clicks"].tolist()]


def test_tombstone_is_an_event_like_others_on_the_wire() -> None:
    assert decode(encode(TOMBSTONE)) == TOMBSTONE


def test_what_comes_after_the_tombstone_teaches_nothing() -> None:
    assert taught(folded([*BEFORE, TOMBSTONE, *AFTER])) == taught(folded([*BEFORE, TOMBSTONE]))
    assert taught(folded([*BEFORE, *AFTER])) != taught(folded(BEFORE))
    assert folded([*BEFORE, TOMBSTONE, *AFTER]).counters()["forgotten"] == len(AFTER)


def test_what_is_open_when_it_is_forgotten_is_let_go() -> None:
    left_open = [*FILMS, *visit("s", "1", START_MS)]
    forgotten = folded([*left_open, TOMBSTONE])
    assert forgotten.counters()["labels_pending"] == forgotten.counters()["sessions_open"] == 0
    assert forgotten.counters()["labels_forgotten"] == 1
    fold = Fold(CONFIG)
    for number, event in enumerate([*left_open, TOMBSTONE]):
        fold.take(event, START_MS + number)
    untaught = fold.world.model.weight_mean().tolist()
    fold.take(LATER[0], START_MS + 10**7)  # long after every window has closed
    assert fold.world.model.weight_mean().tolist() == untaught


def test_what_was_taught_before_stays_and_others_go_on() -> None:
    assert taught(folded([*BEFORE, TOMBSTONE])) == taught(folded(BEFORE))
    others = [*visit("t", "9", START_MS), click("t", "9", 1, START_MS)]
    assert taught(folded([*BEFORE, TOMBSTONE, *others])) != taught(folded([*BEFORE, TOMBSTONE]))


def test_forgetting_survives_a_snapshot() -> None:
    log = records([*BEFORE, TOMBSTONE, *AFTER])
    cut = len(BEFORE) + 1
    learner = Learner(CONFIG)
    learner.fold(log[:cut])
    restored = Learner.from_snapshot(CONFIG, learner.snapshot())
    restored.fold(log[cut:])
    assert restored.state_sha256() == folded([*BEFORE, TOMBSTONE, *AFTER]).state_sha256()


def test_as_many_as_are_remembered_and_no_more() -> None:
    fold = Fold(CONFIG)
    for number in range(FORGOTTEN_REMEMBERED + 3):
        fold.take(SessionForgotten(event_time_ms=START_MS, session=str(number)), START_MS)
    assert len(fold.state()[0].forgotten) == FORGOTTEN_REMEMBERED
