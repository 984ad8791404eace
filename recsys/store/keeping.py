"""Which snapshots stay: the newest few, and spaced ones further back, so that no world of the past is far from one.

How far is counted in records, because they are what it costs to get from a snapshot to a world. The rule depends on
what is held alone, so that every store keeps the same, however often it is applied.
"""

from collections.abc import Sequence

from recsys.offsets import offset_key
from recsys.store.base import Keeping, Manifest


def line(manifests: Sequence[Manifest], configuration: str, code: str) -> list[Manifest]:
    """Return the snapshots from which worlds that served can be folded, oldest first.

    These are of the newest lineage of that configuration and code, so that the fold that goes on from them is the one
    that made those worlds. They begin with the *opening*: where the lineage had caught up with what was in the log when
    it began, a history or what an earlier lineage had served. No slate names an earlier world of this lineage.

    Parameters
    ----------
    manifests : sequence of Manifest
        Newest first.
    configuration, code : str
        As they stand in manifests.
    """
    lineage = next(
        (each.lineage for each in manifests if (each.configuration, each.code) == (configuration, code)), None
    )
    return [] if lineage is None else [manifests[place] for place in _line(manifests, lineage)]


def kept(manifests: Sequence[Manifest], sizes: Sequence[int], rule: Keeping) -> set[int]:
    """Return the places of the snapshots that stay.

    Of the newest snapshot's `line`, those go first that stand within `Keeping.spacing`; then, until the rest fits into
    `Keeping.total_bytes`, always the one that leaves the smallest gap relative to its age. So gaps grow in proportion
    to age, and only as far as the bytes demand.

    Parameters
    ----------
    manifests : sequence of Manifest
        Newest first.
    sizes : sequence of int
        What each takes, in bytes.
    rule : Keeping
    """
    newest = set(range(min(max(rule.newest, 1), len(manifests))))
    if not manifests:
        return newest
    places = _line(manifests, manifests[0].lineage)
    fixed = newest | {places[0], places[-1]}
    records = [each.records for each in manifests]
    spaced = _spaced(places, records, fixed, rule.spacing)
    left = rule.total_bytes - sum(sizes[place] for place in fixed.union(spaced))
    while left < 0 and (place := _least_missed(spaced, records, fixed)) is not None:
        spaced.remove(place)
        left += sizes[place]
    return fixed.union(spaced)


def _line(manifests: Sequence[Manifest], lineage: str) -> list[int]:
    """Return the places of a lineage that is among the manifests, oldest first, from its opening on."""
    # A state that was saved again stands there once.
    mine = {
        manifests[place].sha256: place
        for place in reversed(range(len(manifests)))
        if manifests[place].lineage == lineage
    }
    places = sorted(mine.values(), key=lambda place: (offset_key(manifests[place].offsets["0"]), -place))
    # What was received before the lineage's first snapshot was saved is what it began by catching up with.
    began_ms = min(manifests[place].created_ms for place in places)
    caught_up = [offset_key(manifests[place].offsets["0"])[0] <= began_ms for place in places]
    return places[max(sum(caught_up) - 1, 0) :]


def _spaced(places: Sequence[int], records: Sequence[int], fixed: set[int], spacing: int) -> list[int]:
    """Return the places, oldest first, without those whose neighbours are close enough to each other."""
    found = [places[0]]
    for place, newer in zip(places[1:], [*places[2:], places[-1]], strict=False):
        if place in fixed or records[newer] - records[found[-1]] > spacing:
            found.append(place)
    return found


def _least_missed(places: Sequence[int], records: Sequence[int], fixed: set[int]) -> int | None:
    """Return the place that leaves the smallest gap relative to its age; None if all are fixed."""
    now = records[places[-1]]

    def missed(index: int) -> float:
        gap = records[places[index + 1]] - records[places[index - 1]]
        return gap / max(now - records[places[index]], 1)

    inner = [index for index, place in enumerate(places) if place not in fixed]
    return places[min(inner, key=missed)] if inner else None
