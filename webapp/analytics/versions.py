"""Versions of the model: the snapshots in the store, their chain, and what changed between two."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Final

import numpy as np

from recsys.errors import CorruptState, StoreUnavailable
from recsys.inspection import Portrait, portrait
from recsys.models import appeal
from recsys.offsets import offset_key
from recsys.replica import Replica
from recsys.store.base import Manifest
from webapp import wiring

#: Portraits that one process keeps: some hundred kilobytes each with a catalogue of thousands.
PORTRAITS_KEPT: Final = 8
#: Standard deviations that an item's appeal moves by at least to be told of: all evidence fades a little all the time.
LEAST_MOVE: Final = 0.1
#: Digits of a hash that a page shows.
SHORT: Final = 12


@dataclasses.dataclass(frozen=True, slots=True)
class WeightChange:
    """How a weight moved. `moved` is in standard deviations of the earlier belief; None where it has none."""

    name: str
    before: float
    after: float
    deviation_before: float
    deviation_after: float
    moved: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class AppealChange:
    """How an item's appeal moved, in standard deviations of the earlier belief.

    `before` is None where the earlier version did not have the item: it began as any other, at 0.
    """

    item: str
    title: str
    before: float | None
    after: float
    deviation_after: float
    moved: float


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, all weights, and the items whose appeal moved by more than `LEAST_MOVE`."""

    earlier: Manifest
    later: Manifest
    weights: list[WeightChange]
    appeals: list[AppealChange]


def versions() -> Sequence[Manifest]:
    """Return what the store holds, newest first. Raises `StoreUnavailable`."""
    return wiring.snapshots().manifests()


def named(manifests: Sequence[Manifest], sha256: str) -> Manifest | None:
    """Return the version of that hash, or of which it is the beginning."""
    return next((each for each in manifests if sha256 and each.sha256.startswith(sha256)), None)


def before(manifests: Sequence[Manifest], later: Manifest) -> Manifest | None:
    """Return what a version came from; where the store no longer keeps that, the nearest before it of its lineage."""
    parent = named(manifests, later.parent)
    older = (each for each in manifests if each.lineage == later.lineage and _place(each) < _place(later))
    return parent or max(older, key=_place, default=None)


def _place(manifest: Manifest) -> tuple[int, int]:
    return offset_key(manifest.offsets["0"])


def compare(earlier: Manifest, later: Manifest) -> Comparison:
    """Return what changed between two versions; a second or two at first, then from memory.

    Raises
    ------
    CorruptState
        When one of them is damaged, or of another configuration than the site's.
    """
    before, after = _portrait_of(earlier.sha256), _portrait_of(later.sha256)
    return Comparison(earlier, later, _weight_changes(before, after), appeal_changes(before, after))


@functools.lru_cache(maxsize=PORTRAITS_KEPT)
def _portrait_of(sha256: str) -> Portrait:
    replica = Replica(wiring.config())
    try:
        replica.load(wiring.snapshots().load(sha256))
    except StoreUnavailable as error:
        raise CorruptState(str(error)) from error
    return portrait(replica.world)


def _weight_changes(before: Portrait, after: Portrait) -> list[WeightChange]:
    """Return every weight that both have: tastes come into use in one order, so names stand for columns."""
    earlier = {name: place for place, name in enumerate(before.weights)}
    changes = []
    for place, name in enumerate(after.weights):
        if name not in earlier:
            continue
        was, deviation = float(before.mean[earlier[name]]), float(before.deviation[earlier[name]])
        now = float(after.mean[place])
        moved = abs(now - was) / deviation if deviation else None
        changes.append(WeightChange(name, was, now, deviation, float(after.deviation[place]), moved))
    return changes


def appeal_changes(before: Portrait, after: Portrait) -> list[AppealChange]:
    """Return the items whose appeal moved by more than `LEAST_MOVE`.

    They are found by their ids: where a full catalogue let items go, the others changed rows.
    """
    rows = {item: row for row, item in enumerate(before.items)}
    # Of an item that was not there, the last: what every item begins with.
    places = np.array([rows.get(item, -1) for item in after.items], dtype=np.int64)
    was = np.append(before.appeal, 0.0)[places]
    deviation = np.append(before.appeal_deviation, appeal.VARIANCE**0.5)[places]
    moved = np.abs(after.appeal - was) / deviation
    return [
        AppealChange(
            item=after.items[row],
            title=after.titles[row],
            before=float(was[row]) if places[row] >= 0 else None,
            after=float(after.appeal[row]),
            deviation_after=float(after.appeal_deviation[row]),
            moved=float(moved[row]),
        )
        for row in np.flatnonzero(moved > LEAST_MOVE).tolist()
    ]
