"""Lists of rows: what is in them, and what a reader takes of those that are long."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.sampled_lists import SampledLists

LISTS, WIDTH = 5, 3

#: What becomes of a row: the lists that it belongs to from then on, if any.
CHANGES = st.lists(
    st.tuples(st.integers(0, 60), st.one_of(st.none(), st.tuples(*[st.integers(1, LISTS)] * WIDTH))), max_size=200
)


def filled(*changes: tuple[int, tuple[int, ...] | None]) -> SampledLists:
    """Return lists after some changes: list n of slot s is number ``s * LISTS + n``, so that no row is in one twice."""
    lists = SampledLists(LISTS * WIDTH, WIDTH)
    for row, chosen in changes:
        numbers = [slot * LISTS + number for slot, number in enumerate(chosen)] if chosen else [0] * WIDTH
        lists.replace(np.array([row]), np.array([numbers]))
    return lists


def taken(lists: SampledLists, numbers: list[int], most: int) -> list[int]:
    """Return what a reader takes, ascending."""
    rows = lists.members(np.array(numbers, dtype=np.int64), most).tolist()
    assert len(set(rows)) == len(rows) <= most
    return sorted(rows)


@given(changes=CHANGES)
def test_a_list_holds_the_rows_that_were_put_there_last(changes: list[tuple[int, tuple[int, ...] | None]]) -> None:
    lists, now = filled(*changes), dict(changes)
    for slot in range(WIDTH):
        for number in range(1, LISTS + 1):
            expected = sorted(row for row, chosen in now.items() if chosen and chosen[slot] == number)
            assert taken(lists, [slot * LISTS + number], 100) == expected


@given(changes=CHANGES, most=st.integers(0, 80), random=st.randoms(use_true_random=False))
def test_what_is_taken_of_full_lists_does_not_depend_on_how_they_were_filled(
    changes: list[tuple[int, tuple[int, ...] | None]], most: int, random: Random
) -> None:
    now = list(dict(changes).items())
    random.shuffle(now)
    anew = filled(*now)
    numbers = random.sample(range(1, LISTS * WIDTH + 1), 4)
    assert taken(filled(*changes), numbers, most) == taken(anew, numbers, most)


def test_a_part_of_a_list_that_is_too_long_is_taken_and_then_the_next_list() -> None:
    lists = filled(*((row, (1, 1, 1)) for row in range(20_000)), *((row, (2, 1, 1)) for row in range(20_000, 20_010)))
    some = taken(lists, [1, 2], 4_096)
    assert set(range(20_000, 20_010)) <= set(some)
    part = [row for row in some if row < 20_000]
    assert 1_500 < len(part) < 4_096, "an eighth"
    assert 8_000 < np.mean(part) < 12_000, "from all over the list"


def test_rows_that_come_and_go_leave_no_page_behind() -> None:
    lists = filled()
    for _ in range(3):
        for chosen in ([1, 6, 11], [0, 0, 0]):
            lists.replace(np.arange(5_000), np.array([chosen] * 5_000))
        pages = len(lists._pages)
    for chosen in ([2, 7, 12], [0, 0, 0]):
        lists.replace(np.arange(5_000), np.array([chosen] * 5_000))
    assert len(lists._pages) == pages
