"""What is kept of a growing line of snapshots leaves gaps that are small beside their age, in bounded bytes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from recsys.store.base import Keeping, Manifest
from recsys.store.keeping import kept, line

#: Folding a record takes this long in these tests' log time.
MS = 1_000


def manifest(records: int, **about: object) -> Manifest:
    fields: dict[str, object] = {
        "sha256": f"{records:064d}",
        "offsets": {"0": f"{records * MS}-0"},
        "code": "1",
        "configuration": "c",
        "lineage": "l",
        "created_ms": records * MS + 5,
        "bytes": 1_000,
        "records": records,
    }
    return Manifest(**{**fields, **about})


def lived(steps: list[int], rule: Keeping, sizes: int = 1) -> list[Manifest]:
    """Return what is held, newest first, after a snapshot at each step and a pruning after each."""
    held: list[Manifest] = []
    records = 1
    for step in steps:
        held.insert(0, manifest(records))
        held = [held[place] for place in sorted(kept(held, [sizes] * len(held), rule))]
        records += step
    return held


STEPS = st.lists(st.integers(min_value=1, max_value=300), min_size=1, max_size=150)


@given(steps=STEPS, newest=st.integers(1, 6), room=st.integers(0, 200), spacing=st.integers(1, 2_000))
def test_the_newest_and_the_opening_stay_and_the_rest_fits(
    steps: list[int], newest: int, room: int, spacing: int
) -> None:
    held = lived(steps, Keeping(newest, room, spacing))
    everything = lived(steps, Keeping(len(steps), 10**9, 1))
    assert held[:newest] == everything[:newest]
    assert held[-1] == everything[-1]
    assert len(held) <= max(room, newest + 1)


@given(steps=STEPS, newest=st.integers(1, 6), spacing=st.integers(1, 2_000))
def test_where_there_is_room_no_gap_is_wider_than_the_spacing_or_than_snapshots_were_taken(
    steps: list[int], newest: int, spacing: int
) -> None:
    held = [each.records for each in lived(steps, Keeping(newest, 10**9, spacing))]
    assert all(newer - older <= max(spacing, *steps) for newer, older in pairwise(held))
    # And none is of no use: what lies two on is farther than the spacing, newest ones aside.
    assert all(after - before > spacing for after, before in zip(held[newest:], held[newest + 2 :], strict=False))


@given(steps=STEPS, newest=st.integers(1, 6), room=st.integers(12, 60))
def test_where_there_is_no_room_gaps_grow_no_faster_than_age(steps: list[int], newest: int, room: int) -> None:
    held = [each.records for each in lived(steps, Keeping(newest, room, spacing=1))]
    ages = [held[0] - each for each in held]
    # Were every gap to be left by a dropped snapshot this large beside its age, there would not be room for so many.
    inner = room - newest
    youngest = min(steps)
    share = (max(ages[-1], 1) / youngest) ** (2 / max(inner - 2, 1)) - 1
    for newer, older in pairwise(ages):
        assert older - newer <= max(max(steps), share * older)


def test_after_long_every_age_has_a_snapshot_that_is_not_half_as_far_away_again() -> None:
    held = [each.records for each in lived([100] * 400, Keeping(newest=2, total_bytes=40, spacing=1))]
    ages = [held[0] - each for each in held]
    assert len(ages) == 40
    assert all(older <= 1.5 * max(newer, 200) for newer, older in pairwise(ages))


@given(steps=STEPS, newest=st.integers(1, 6), room=st.integers(0, 60), spacing=st.integers(1, 2_000))
def test_pruning_again_drops_nothing(steps: list[int], newest: int, room: int, spacing: int) -> None:
    rule = Keeping(newest, room, spacing)
    held = lived(steps, rule)
    assert kept(held, [1] * len(held), rule) == set(range(len(held)))


def test_nothing_held_is_nothing_kept() -> None:
    assert kept([], [], Keeping(5, 0)) == set()
    assert line([], "c", "1") == []


def test_line_begins_where_the_lineage_had_caught_up() -> None:
    history = [manifest(number, created_ms=9_000 * MS + number) for number in (50, 100, 157)]
    live = [manifest(number) for number in (10_001, 10_060, 10_120)]
    assert line([*history, *live][::-1], "c", "1") == [history[-1], *live]
    assert line([*history[1:], *live][::-1], "c", "1") == [history[-1], *live]
    assert line(history[::-1], "c", "1") == [history[-1]]


def test_snapshots_of_the_history_go_and_its_end_stays() -> None:
    history = [manifest(number, created_ms=9_000_000 * MS + number) for number in (50_000, 100_000, 157_000)]
    live = [manifest(10_000_001 + number) for number in range(0, 300_000, 60_000)]
    held = [*history, *live][::-1]
    places = kept(held, [1] * len(held), Keeping(newest=2, total_bytes=10**9))
    assert [held[place] for place in sorted(places)] == [*live[::-1], history[-1]]


def test_only_the_newest_lineage_of_a_configuration_leads_to_its_worlds() -> None:
    before = [manifest(number, lineage="before", code="0") for number in range(1, 5)]
    other = [manifest(number, configuration="d", lineage="other") for number in range(5, 9)]
    mine = [manifest(number) for number in range(9, 13)]
    held = [*before, *other, *mine][::-1]
    assert line(held, "c", "1") == mine
    assert line(held, "d", "1") == other
    assert line(held, "e", "1") == []
    assert line(held, "c", "0") == before
    assert line(held, "c", "2") == []
    places = kept(held, [1] * len(held), Keeping(newest=2, total_bytes=10**9, spacing=1))
    assert [held[place] for place in sorted(places)] == mine[::-1]


def test_newest_snapshot_that_was_folded_anew_from_an_older_one_does_not_end_the_line() -> None:
    held = [manifest(7), manifest(9), manifest(8), manifest(1)]
    assert [each.records for each in line(held, "c", "1")] == [1, 7, 8, 9]
    assert kept(held, [1] * 4, Keeping(newest=1, total_bytes=0)) == {0, 1, 3}
