"""Why films are there, in words: one line over a slate, one sentence for each film."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from recsys.ranking import Reason
from recsys.world import World

#: Slots from the top that the line speaks of.
FIRST: Final = 6
#: A second kind of reason is named when it weighs at least this share of the first.
_SECOND_SHARE: Final = 0.15
#: Logits above the average candidate below which a part is no reason.
_LEAST: Final = 0.05


def why(reasons: Sequence[Reason], world: World) -> SafeString:
    """Return the line for a slate, safe HTML.

    Parameters
    ----------
    reasons : sequence of Reason
        One for each slot, from the top.
    world : World
        For titles; ids that it lacks are left out.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for reason in reasons[:FIRST]:
        weights[reason.kind] += reason.contribution
        names[reason.kind].update(dict.fromkeys(_named(reason, world)))
    kinds = sorted(weights, key=lambda kind: -weights[kind])
    if not kinds:
        return SafeString("")
    lead = _phrase(kinds[0], list(names[kinds[0]])[:2])
    if len(kinds) < 2 or weights[kinds[1]] < _SECOND_SHARE * weights[kinds[0]] or kinds[1] == "explored":
        return format_html("First {}.", lead)
    return format_html("First {}, and {}.", lead, _phrase(kinds[1], list(names[kinds[1]])[:2]))


def sentence(reason: Reason, world: World) -> SafeString:
    """Return one sentence for one film, safe HTML; the same names as in the line."""
    if reason.kind == "explored":
        return SafeString("Chance put it before a better one, to learn what you like.")
    if reason.contribution < _LEAST:
        return SafeString("No one thing: small ones together brought it here.")
    if reason.kind == "new":
        return SafeString("It came in lately.")
    if reason.kind == "popular":
        return SafeString("Many open it.")
    names = _named(reason, world)[:2]
    if not names:
        return SafeString("It is unlike what you passed over.")
    titles = _cited(names)
    if reason.kind == "neighbours":
        return format_html("Others opened it along with {}.", titles)
    if reason.kind == "taste":
        return format_html("It is {}, which you seem to like.", titles)
    return format_html("It is like {}.", titles)


def _named(reason: Reason, world: World) -> list[str]:
    if reason.kind == "taste":
        return list(reason.because)
    return [world.catalogue[world.rows[item]].title for item in reason.because if item in world.rows]


def _phrase(kind: str, names: Sequence[str]) -> SafeString:
    if kind == "explored":
        return SafeString("a few tries, to learn what you like")
    if kind == "new":
        return SafeString("what came in last")
    if kind == "popular":
        return SafeString("what everybody opens most")
    if not names:
        return SafeString("what is least like what you passed over")
    named = _cited(names)
    if kind == "neighbours":
        return format_html("what others opened along with {}", named)
    if kind == "taste":
        return format_html("{}, which you seem to like", named)
    return format_html("what is most like {}", named)


def _cited(names: Sequence[str]) -> SafeString:
    return mark_safe(" and ".join(f"<cite>{escape(name)}</cite>" for name in names))
