"""Time travel: one session's events on a line, the list as it was logged at each, and what was believed then.

The page part is ``lens/travel.html``; whoever shows it gives it the `context` of a session and their own address, which
answers ``?step=N``. The visitor's lens and the staff's page of a session are two such pages.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe

from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemEvent,
    SlateServed,
)
from recsys.sessions.portrait import Portrait
from webapp import wiring
from webapp.feed.lens import beliefs
from webapp.feed.lens.journeys import Beliefs, journeys
from webapp.feed.lens.rebuilding import Gone, Step, steps
from webapp.feed.selectors import title
from webapp.numerals import number_named

_SAID: Final[dict[type[Event], str]] = {
    SlateServed: "a list was shown",
    Impression: "seen",
    Click: "opened",
    Dwell: "read",
    Dismissal: "“not for me”",
    DismissalUndone: "taken back",
}
_TICKS_WIDTH: Final = 1_000.0


@dataclasses.dataclass(frozen=True, slots=True)
class Film:
    """A film of a logged list: id, title, whether it is new on it, a try, and opened at this step or before."""

    item: str
    title: str
    arrived: bool
    explored: bool
    opened: bool


def context(session: str, events: Sequence[Event], wanted: str, path: str, who: str = "you") -> dict[str, Any]:
    """Return what ``lens/travel.html`` needs.

    Parameters
    ----------
    session : str
        Any session's id.
    events : sequence of Event
        All that it did, in log order.
    wanted : str
        The step asked for, as it came in the query; the newest where it is none.
    path : str
        The address that answers ``?step=N``.
    who : str
        What the page calls whoever's session it is.
    """
    passed = steps(events)
    if not passed:
        return {"travel_path": path, "step": None}
    asked, last = number_named(wanted), len(passed) - 1
    number = last if asked is None else min(asked, last)
    step = passed[number]
    rebuilt = journeys().beliefs(session, events)
    return {
        "travel_path": path,
        "who": who,
        "step": step,
        "steps": passed,
        "last": last,
        "said": said(step),
        "at_ms": step.event.event_time_ms,
        "since_s": (step.event.event_time_ms - passed[0].event.event_time_ms) / 1_000,
        "ticks": _ticks(passed),
        "films": _films(step, passed),
        **_belief(rebuilt, number, len(passed)),
    }


def said(step: Step) -> str:
    """Return what happened at a step, in words."""
    event = step.event
    what = _SAID.get(type(event), event.tag())
    return f"{what}: {title(wiring.replica().world, event.item)}" if isinstance(event, ItemEvent) else what


def _films(step: Step, passed: Sequence[Step]) -> list[Film]:
    if step.slate is None:
        return []
    before = set(step.before.items) if step.before is not None else set(step.slate.items)
    world = wiring.replica().world
    opened = {each.event.item for each in passed[: step.number + 1] if isinstance(each.event, Click)}
    return [
        Film(item, title(world, item), item not in before, place in step.slate.explored, item in opened)
        for place, item in enumerate(step.slate.items)
    ]


def _belief(rebuilt: Beliefs, number: int, last: int) -> dict[str, Any]:
    """Return the belief at a step, drawn; or how far it has come, or why there is none."""
    found: dict[str, Any] = {"rebuilt": len(rebuilt.portraits), "of": last, "folded": rebuilt.folded}
    if number >= len(rebuilt.portraits):
        return found | {"belief": "rebuilding"}
    portrait = rebuilt.portraits[number]
    if isinstance(portrait, Gone):
        return found | {"belief": "gone", "reason": portrait.reason}
    if portrait is None:
        return found | {"belief": "none"}
    earlier = rebuilt.portraits[number - 1] if number else None
    before = earlier if isinstance(earlier, Portrait) else None
    rows = beliefs.rows(portrait, before, beliefs.ROWS_FIRST)
    return found | {"belief": "drawn", "rows": rows, "reach": beliefs.reach(portrait, before)}


def _ticks(passed: Sequence[Step]) -> SafeString:
    """Return a mark for each step, told apart by form: lists are lines, clicks discs, refusals crosses, others dots."""
    scale = _TICKS_WIDTH / max(len(passed) - 1, 1)
    return mark_safe("".join(_tick(step, step.number * scale) for step in passed))


def _tick(step: Step, x: float) -> str:
    kind = type(step.event)
    if kind is SlateServed:
        return f'<path class="tick" d="M{x:.1f} 2V18"/>'
    if kind is Click:
        return f'<path class="tick-click" d="M{x:.1f} 10h.01"/>'
    if kind is Dismissal:
        return f'<path class="tick-no" d="M{x - 6:.1f} 5l12 10M{x + 6:.1f} 5l-12 10"/>'
    return f'<path class="tick-seen" d="M{x:.1f} 10h.01"/>'
