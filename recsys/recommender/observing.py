"""What one event does to the session that it belongs to: microseconds, and never a change of the world."""

from typing import Final

import numpy as np

from recsys import features
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Impression,
    ItemEvent,
    SessionBegan,
    SessionEvent,
    SlateServed,
)
from recsys.examples import HISTORY, learn_lone_taste, learn_taste, newly_decided, recalled
from recsys.models.base import NONE_OF_THESE
from recsys.sessions import Choice, Evidence, Session, ShownSlate
from recsys.sessions.belief import DISMISSED_PROBABILITY, HISTORY_PROBABILITY
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.world import World

#: What of a page follows part by part: a newer page replaces it, and that begins with the list named here.
_REPLACED_BY: Final = {"genre": "trending"}


def observe(world: World, session: Session, event: SessionEvent) -> bool:
    """Bring `session` up to date with its next event; return whether its next slate may differ for it.

    Events of items or slates that this world or session does not know teach what they can and never fail.
    """
    session.context.touch(event.event_time_ms)
    if isinstance(event, SlateServed):
        return _served(world, session, event)
    if isinstance(event, SessionBegan):
        session.context.enter(event)
    if not isinstance(event, ItemEvent):
        return False
    row = world.rows.get(event.item)
    if row is None:
        return False
    if isinstance(event, Click):
        return _clicked(world, session, event, row)
    if isinstance(event, Dismissal):
        return _dismissed(world, session, event, row)
    if isinstance(event, DismissalUndone):
        return _undone(session, event, row)
    if isinstance(event, Impression):
        shown, position = _place(session, event, row)
        if shown is not None:
            shown.saw(position)
    return False


def _served(world: World, session: Session, event: SlateServed) -> bool:
    """Remember a slate; those that it replaced have been left."""
    changed = False
    for older in list(session.shown.values()):
        if event.surface == _REPLACED_BY.get(older.surface, older.surface) and older.slate != event.slate:
            choice = older.leave()
            if choice is not None:
                session.context.pass_over(older.newly_passed(choice))
                design = _design(world, older, choice.positions)
                learn_taste(world, session.context, _rows(older, choice.positions), design, choice.chosen)
                session.belief.learn_choice(design, choice.chosen, world.model.score_many(design))
                changed = True
    rows = [world.rows.get(item, UNKNOWN_ROW) for item in event.items]
    shown = ShownSlate.from_event(event, rows)
    if shown is not None and event.slate not in session.shown:
        session.show(shown)
    return changed


def _clicked(world: World, session: Session, event: Click, row: int) -> bool:
    shown, position = _place(session, event, row)
    if shown is None:
        _learn_recalled(world, session, row, event.event_time_ms)
    else:
        choice = shown.click(position)
        if choice is not None:
            _learn_click(world, session, shown, choice)
    session.context.click(row, event.event_time_ms)
    return True


def _dismissed(world: World, session: Session, event: Dismissal, row: int) -> bool:
    shown, position = _place(session, event, row)
    if row not in session.dismissals:
        if shown is None:
            session.remember_refusal(row, _learn_refusal(world, session, row, event.event_time_ms))
        else:
            choice = shown.dismiss(position)
            if choice is not None:
                session.remember_refusal(row, _refuse(world, session, _design(world, shown, choice.positions)))
    session.context.dismiss(row)
    return True


def _undone(session: Session, event: DismissalUndone, row: int) -> bool:
    shown, position = _place(session, event, row)
    if shown is not None:
        shown.restore(position)
    evidence = session.dismissals.pop(row, None)
    if evidence is not None:
        session.belief.forget(evidence)
    session.context.undo(row)
    return True


def _place(session: Session, event: ItemEvent, row: int) -> tuple[ShownSlate | None, int]:
    """Return the slate on which the event happened and the item's position there; None where it is not known."""
    shown = session.shown.get(event.slate)
    position = None if shown is None else shown.position_of(row, event.position)
    return (None, 0) if position is None else (shown, position)


def _learn_click(world: World, session: Session, shown: ShownSlate, choice: Choice) -> None:
    """Learn from a click: the alternatives are all that had been seen, on its own slate and on the page's others.

    Who picks a horror film out of a row of horror films says little by passing over the rest of that row, and much
    by passing over everything beside it.
    """
    designs, rows = [_design(world, shown, choice.positions)], list(_rows(shown, choice.positions))
    passed = shown.newly_passed(choice)
    decided = {shown.row_at(choice.positions[choice.chosen]), *session.context.opened, *session.context.dismissed}
    for other in session.shown.values():
        if other is shown:
            continue
        seen = Choice(tuple(at for at in other.outdone() if other.row_at(at) not in decided), NONE_OF_THESE)
        if seen.positions:
            passed += other.newly_passed(seen)
            designs.append(_design(world, other, seen.positions))
            rows.extend(_rows(other, seen.positions))
    session.context.pass_over(passed)
    # An item that stands on two slates is one alternative, and never one to itself.
    first: dict[int, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row, place)
    kept = list(first.values())
    open_rows, design = np.array(list(first)), np.concatenate(designs)[kept]
    learn_taste(world, session.context, open_rows, design, choice.chosen)
    news = newly_decided(open_rows, choice.chosen, passed)
    if len(news):
        design = design[news]
        session.belief.learn_choice(design, int(np.searchsorted(news, choice.chosen)), world.model.score_many(design))


def _refuse(world: World, session: Session, design: features.Design) -> Evidence:
    """Let the weights learn that nothing was preferred to one item; the context tells the taste, and takes it back."""
    return session.belief.learn_choice(design, NONE_OF_THESE, world.model.score_many(design), DISMISSED_PROBABILITY)


def _design(world: World, shown: ShownSlate, positions: tuple[int, ...]) -> features.Design:
    places = np.array(positions, dtype=np.int64)
    return features.design(world, _rows(shown, positions), shown.signals[places], places, shown.surface)


def _rows(shown: ShownSlate, positions: tuple[int, ...]) -> features.Rows:
    return np.array([shown.row_at(position) for position in positions], dtype=np.int64)


def _learn_recalled(world: World, session: Session, row: int, now_ms: int) -> None:
    """Learn from a click whose list is not known, as the fold does: a choice among what would have been offered."""
    example = recalled(world, session.context, row, now_ms)
    if len(example.rows):
        design = features.design(world, example.rows, example.signals, None, example.surface)
        session.belief.learn_choice(design, example.chosen, world.model.score_many(design), HISTORY_PROBABILITY)
    learn_lone_taste(world, session.context, row)


def _learn_refusal(world: World, session: Session, row: int, now_ms: int) -> Evidence:
    """Learn from the dismissal of an item whose slate is not known: nothing rather than it."""
    rows = np.array([row], dtype=np.int64)
    design = features.design(world, rows, features.signals(world, session.context, rows, now_ms), None, HISTORY)
    return _refuse(world, session, design)
