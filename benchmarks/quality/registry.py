"""Every contender by name: the engine and its ablations, and the peers, whose libraries are imported when needed."""

import importlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from benchmarks.quality.contenders import MissingLibrary

NEXT_ITEM: Final = "next-item"
SLATES: Final = "slates"

INSTALL: Final = "make setup-bench"


class Entry(NamedTuple):
    """How to make a contender.

    Attributes
    ----------
    module, maker : str
        Where it is made, and the class or function that makes it.
    options : dict
        Its keyword arguments.
    by_default : bool
        Whether it is among "all".
    """

    module: str
    maker: str
    options: dict[str, Any] = {}
    by_default: bool = True


_ENGINE: Final = "benchmarks.quality.freshet"
_ABLATIONS: Final = "benchmarks.quality.ablations"
_LAMBDAMART: Final = "benchmarks.quality.peers.lightgbm_next"
_COUNTING: Final = "benchmarks.quality.peers.counting"
_COUNTED: Final = "benchmarks.quality.peers.counted_slates"
_IMPLICIT: Final = "benchmarks.quality.peers.implicit_models"
_RIVER: Final = "benchmarks.quality.peers.river_reco"
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400

#: Those of `ablations.PARTS`, which is imported by those who take one out.
_PARTS: Final = (
    "vectors",
    "network",
    "votes-apart",
    "retracing",
    "transitions",
    "taste",
    "appeal",
    "beginnings",
    "entry",
)

#: The first one is the engine as the site runs it; its figures stand at the top of the report.
ENGINES: Final[dict[str, dict[str, Entry]]] = {
    NEXT_ITEM: {
        "freshet": Entry(_ENGINE, "EngineNextItem"),
        "freshet-last-click": Entry(_ENGINE, "EngineNextItem", {"last_click_only": True}),
        "freshet-without-session-learning": Entry(_ENGINE, "EngineNextItem", {"session_learning": False}),
        **{f"freshet-without-{part}": Entry(_ABLATIONS, "next_item", {"without": part}) for part in _PARTS},
    },
    SLATES: {
        "freshet": Entry(_ENGINE, "EngineSlates"),
        "freshet-world-only": Entry(_ENGINE, "EngineSlates", {"adaptive": False}),
        "freshet-without-session-learning": Entry(_ENGINE, "EngineSlates", {"session_learning": False}),
        **{f"freshet-without-{part}": Entry(_ABLATIONS, "slates", {"without": part}) for part in _PARTS},
    },
}

PEERS: Final[dict[str, dict[str, Entry]]] = {
    NEXT_ITEM: {
        "popularity": Entry(_COUNTING, "Popularity"),
        "popularity-fading": Entry(_COUNTING, "Popularity", {"half_life_clicks": 20_000}),
        "co-counts": Entry(_COUNTING, "CoCounts"),
        "co-counts-fading": Entry(_COUNTING, "CoCounts", {"half_life_clicks": 200_000}),
        "river-baseline": Entry(_RIVER, "RiverBaseline"),
        "river-biased-mf": Entry(_RIVER, "RiverBiasedMF"),
        "implicit-bm25": Entry(_IMPLICIT, "BM25", {"refit_s": _DAY_S}),
        "implicit-bm25-hourly": Entry(_IMPLICIT, "BM25", {"refit_s": _HOUR_S}, by_default=False),
        "implicit-als": Entry(_IMPLICIT, "ALS", {"refit_s": _DAY_S}),
        "implicit-als-hourly": Entry(_IMPLICIT, "ALS", {"refit_s": _HOUR_S}, by_default=False),
        "lightgbm": Entry(_LAMBDAMART, "LambdaMARTNextItem", {"refit_s": _DAY_S}),
        "lightgbm-hourly": Entry(_LAMBDAMART, "LambdaMARTNextItem", {"refit_s": _HOUR_S}, by_default=False),
    },
    SLATES: {
        "click-count": Entry(_COUNTED, "ClickCount"),
        "click-rate": Entry(_COUNTED, "ClickRate"),
        "co-counts": Entry(_COUNTED, "CoClicks"),
        "implicit-als-1min": Entry(_IMPLICIT, "SlateALS", {"refit_s": 60}),
        "vowpal-wabbit": Entry("benchmarks.quality.peers.vowpal", "VowpalWabbit"),
        "lightgbm-5min": Entry("benchmarks.quality.peers.lightgbm_ranker", "LambdaMART", {"refit_s": 300}),
        "lightgbm-1min": Entry("benchmarks.quality.peers.lightgbm_ranker", "LambdaMART", {"refit_s": 60}),
    },
}


class UnknownContender(ValueError):
    """A name that stands for no contender; the message lists those that there are."""


def chosen(entries: dict[str, Entry], names: str, kind: str) -> list[str]:
    """Return the names that ``all``, ``none`` or a list separated by commas stands for, in the order given.

    >>> chosen({"a": Entry("", ""), "b": Entry("", "", by_default=False)}, "all", "peer")
    ['a']
    """
    if names == "all":
        return [name for name, entry in entries.items() if entry.by_default]
    if names == "none":
        return []
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    _check(wanted, entries, kind)
    return wanted


def make(kind: str, name: str) -> Any:
    """Return a new contender for the tasks of this `kind` (`NEXT_ITEM` or `SLATES`).

    Raises
    ------
    MissingLibrary
        When its library is not installed.
    """
    entry = {**ENGINES[kind], **PEERS[kind]}[name]
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"benchmarks", "recsys"}:
            raise
        raise MissingLibrary(f"{name} needs the library {error.name}: install it with `{INSTALL}`") from error
    return getattr(module, entry.maker)(**entry.options)


def _check(wanted: Iterable[str], entries: dict[str, Entry], kind: str) -> None:
    for name in wanted:
        if name not in entries:
            raise UnknownContender(f"expected a {kind} of {', '.join(entries)} (or all, none), received {name!r}")
