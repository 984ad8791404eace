"""What the lens shows of now: what the last event changed, what is believed of the visitor, why these films."""

import dataclasses
import re
from typing import Any, Final
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from recsys.ranking import Slate
from recsys.sessions import Session
from recsys.sessions.portrait import portray
from recsys.world import World
from webapp import wiring
from webapp.feed.lens import beliefs
from webapp.feed.lens.memory import lens_memory
from webapp.feed.lens.whys import Moves, moves, why_list

#: What a tab asks for among the surfaces that it would like anew, while it shows this part of the lens.
LENS: Final = "lens"

_INDENTATION: Final = re.compile(r"\n\s+")


@dataclasses.dataclass(frozen=True, slots=True)
class Now:
    """The lens as of a session's newest slate.

    Attributes
    ----------
    rows : list of Row
        The tastes that moved most.
    tastes : int
        How many there are.
    reach : int
        Points that their axis reaches to both sides.
    whys : SafeString
        Empty where this process remembers no slate of the session.
    moves : Moves or None
        None where there is no slate before.
    adaptive : bool
        False in the comparison group: nothing is made of what is learned.
    """

    rows: list[beliefs.Row]
    tastes: int
    reach: int
    whys: SafeString
    moves: Moves | None
    adaptive: bool


def now(session: Session) -> Now:
    """Return what the lens shows of a session. Remembers the portrait, for the next one to be compared with."""
    world, memory = wiring.replica().world, lens_memory()
    portrait = portray(world, session)
    before = memory.note_portrait(session.id, portrait)
    newest, earlier = memory.newest(session.id), memory.before(session.id)
    return Now(
        rows=beliefs.rows(portrait, before, beliefs.ROWS_FIRST),
        tastes=len(portrait.names),
        reach=beliefs.reach(portrait, before),
        whys=_whys(*newest, world) if newest else SafeString(""),
        moves=moves(newest[1], earlier) if newest and earlier else None,
        adaptive=session.adaptive,
    )


def _whys(slate_id: str, slate: Slate, world: World) -> SafeString:
    return why_list(slate, world, f"{reverse('lens:why')}?{urlencode({'slate': slate_id})}&item=")


def context(session: Session) -> dict[str, Any]:
    """Return what ``lens/now.html`` needs."""
    return {"lens": now(session)}


def fragment(session: Session) -> str:
    """Return the part that changes with every event, as HTML without its indentation: it follows each slate."""
    return _INDENTATION.sub("\n", render_to_string("lens/now_moving.html", context(session)))
