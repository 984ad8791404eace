"""What the world knows items to be about: hashed tokens with weights, numbers, and how the numbers spread."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import copying
from recsys.config import EngineConfig
from recsys.description import CATEGORY_VARIANCE, MAX_TOKENS, TAG_VARIANCE
from recsys.errors import CorruptState, InvalidEvent
from recsys.events import MAX_NUMBER, ItemRemoved, ItemUpserted, decode, encode
from recsys.layout import NUMBERS
from recsys.models.moments import no_moments, recount, replace_number, standardised
from recsys.world import World
from tests.unit.streams import world_bytes


def item(name: str = "a", **described: Any) -> ItemUpserted:
    return ItemUpserted(event_time_ms=1, item=name, title=name, **described)


def world(*items: ItemUpserted) -> World:
    made = World(EngineConfig())
    for each in items:
        made.upsert_item(each)
    return made


def tokens(of: World, row: int = 0) -> list[int]:
    return [token for token in of.contents["token"][row].tolist() if token >= 0]


def test_tokens_are_ascending_each_once_with_a_weight_by_their_kind() -> None:
    made = world(item(categories=("horror", "drama", "horror"), tags=("a", "b", "c")))
    assert tokens(made) == sorted(set(tokens(made)))
    weights = sorted(made.contents["weight"][0][:5].tolist())
    expected = [math.sqrt(CATEGORY_VARIANCE / 2)] * 2 + [math.sqrt(TAG_VARIANCE / 3)] * 3
    assert weights == pytest.approx(sorted(expected))
    assert made.contents["token"][0][5:].tolist() == [-1] * (MAX_TOKENS - 5)
    assert not made.contents["weight"][0][5:].any()


def test_category_and_tag_of_one_name_are_two_tokens() -> None:
    made = world(item(categories=("war",)), item("b", tags=("war",)))
    assert not set(tokens(made, 0)) & set(tokens(made, 1))


def test_more_tokens_than_there_is_room_for_keep_the_categories_and_the_first_tags() -> None:
    many = tuple(str(number) for number in range(2 * MAX_TOKENS))
    made = world(
        item(categories=("horror",), tags=many), item("b", categories=("horror",), tags=many[: MAX_TOKENS - 1])
    )
    assert tokens(made, 0) == tokens(made, 1)
    assert len(tokens(made)) == MAX_TOKENS


def test_numbers_get_columns_by_first_appearance_and_later_names_are_ignored() -> None:
    names = [f"n{number}" for number in range(2 * NUMBERS)]
    made = world(item(year=1979, numbers={"price": 2.5}), item("b", numbers=dict.fromkeys(names, 1.0)))
    assert made.number_names == ["price", *names[: NUMBERS - 2]]
    assert made.contents["number"][0][:2].tolist() == [1979.0, 2.5]
    assert np.isnan(made.contents["number"][0][2:]).all()
    assert np.isnan(made.contents["number"][1][:2]).all()


def test_description_that_shrinks_leaves_nothing_behind() -> None:
    plain = world(item(), item("b", year=1990, numbers={"price": 1.0}))
    changed = world(
        item(categories=("x",), tags=("y",), year=1979), item("b", year=1990, numbers={"price": 1.0}), item()
    )
    for column in ("token", "weight", "number"):
        assert plain.contents[column].tobytes() == changed.contents[column].tobytes()
    assert plain.moments.tobytes() == changed.moments.tobytes()


def test_item_upserted_twice_gives_the_same_moments_as_once() -> None:
    films = [item(str(year), year=year, numbers={"price": year / 7}) for year in (1979, 1982, 1995)]
    assert world(*films).moments.tobytes() == world(*films, *films).moments.tobytes()


@given(
    st.lists(st.tuples(st.integers(0, 4), st.one_of(st.just(math.nan), st.floats(-100, 100, width=32))), max_size=30)
)
def test_running_moments_are_those_of_the_numbers_that_stand(changes: list[tuple[int, float]]) -> None:
    values, moments, anew = np.full((5, 1), np.nan, dtype=np.float32), no_moments(1), no_moments(1)
    for row, value in changes:
        replace_number(moments, values, row, 0, value)
    recount(anew, values, 0)
    assert moments[:, 0] == pytest.approx(anew[:, 0], rel=1e-6, abs=1e-6)
    assert (moments[2] >= 0.0).all()


def test_mistake_that_is_corrected_leaves_no_trace_in_the_spread() -> None:
    prices = [item(str(price), numbers={"price": float(price)}) for price in range(10)]
    made = world(*prices, item("3", numbers={"price": MAX_NUMBER}), prices[3])
    assert made.moments == pytest.approx(world(*prices).moments)


def test_standardised_numbers_are_zero_where_missing_or_all_alike() -> None:
    made = world(item(year=1980, numbers={"same": 3.0}), item("b", year=1990, numbers={"same": 3.0}), item("c"))
    z = standardised(made.moments, made.contents["number"])
    assert z[:, 0] == pytest.approx([-1.0, 1.0, 0.0])
    assert not z[:, 1:].any()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2 * MAX_NUMBER])
def test_number_that_would_spoil_sums_is_refused_in_the_event(number: float) -> None:
    with pytest.raises(ValueError, match="price"):
        item(numbers={"price": number})
    wire = encode(item(numbers={"price": 7.25})).replace(_wire(7.25), _wire(number))
    with pytest.raises(InvalidEvent, match="price"):
        decode(wire)


def _wire(number: float) -> bytes:
    return np.array(number, dtype=">f8").tobytes()


def test_extreme_numbers_and_years_stay_finite() -> None:
    made = world(*(item(str(n), year=n, numbers={"x": x}) for n, x in ((10**30, -MAX_NUMBER), (-(10**30), MAX_NUMBER))))
    assert np.isfinite(made.moments).all()
    assert np.isfinite(standardised(made.moments, made.contents["number"])).all()


def test_replicas_get_contents_and_moments_by_changes() -> None:
    original = world(item(categories=("x",), numbers={"price": 1.0}), item("b", year=1979))
    copy = World(original.config)
    copying.restore(copy, *copying.state(original))
    assert world_bytes(copy) == world_bytes(original)
    copying.settle(original)
    original.upsert_item(item("c", tags=("y",), year=1982, numbers={"votes": 2.0, "price": 3.0}))
    copying.apply(copy, *copying.changes(original))
    assert world_bytes(copy) == world_bytes(original)
    assert copy.number_names == ["price", "votes"]
    assert copy.moments.tobytes() == original.moments.tobytes()


def test_edition_changes_with_descriptions_and_removals_and_with_nothing_else() -> None:
    original = world(item())
    copy = World(original.config)
    editions = [copy.edition]
    copying.restore(copy, *copying.state(original))
    editions.append(copy.edition)
    copying.settle(original)
    copying.apply(copy, *copying.changes(original))
    assert copy.edition is editions[-1]
    original.upsert_item(item(year=1979))
    copying.apply(copy, *copying.changes(original))
    editions.append(copy.edition)
    copying.settle(original)
    original.remove_item(ItemRemoved(event_time_ms=0, item=original.catalogue[0].item))
    copying.apply(copy, *copying.changes(original))
    editions.append(copy.edition)
    assert len({id(edition) for edition in editions}) == 4


def test_state_without_moments_is_refused() -> None:
    meta, arrays = copying.state(world(item()))
    del arrays["moments"]
    with pytest.raises(CorruptState, match="moments"):
        copying.restore(World(EngineConfig()), meta, arrays)
