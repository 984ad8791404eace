"""A visitor's taste: what was liked and passed over carries over to items that are described alike, and to no other."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.config import EngineConfig
from recsys.events import ItemUpserted
from recsys.models.laplace import LEAST_CURVATURE, NEWTON_STEPS
from recsys.sessions.likeness import ITEM_VARIANCE, LEVEL_VARIANCE, NUMBER_VARIANCE, YEAR_SCALE, YEAR_VARIANCE
from recsys.sessions.taste import MEMORY, Taste
from recsys.world import World

FILMS = 240
GENRES = ("horror", "comedy", "western", "drama")
BASE = -1.4

Floats = NDArray[np.float64]


def film(number: int) -> ItemUpserted:
    """Return a film: its genre goes round; every fifth has no year, every seventh no votes, every eleventh no words."""
    numbers = {"votes": number % 13 / 2.0, "rating": 5.0 + number % 4}
    if number % 7 == 0:
        del numbers["votes"]
    return ItemUpserted(
        event_time_ms=number,
        item=str(number),
        title=str(number),
        categories=() if number % 11 == 0 else (GENRES[number % 4], *(("indie",) if number % 3 == 0 else ())),
        tags=() if number % 11 == 0 else tuple(f"tag {number * step % 29}" for step in range(1, 2 + number % 6)),
        year=None if number % 5 == 0 else 1950 + number % 60,
        numbers=numbers,
    )


@pytest.fixture(scope="module")
def world() -> World:
    made = World(EngineConfig())
    for number in range(FILMS):
        made.upsert_item(film(number))
    return made


def bare(*categories: str, tags: tuple[tuple[str, ...], ...] = ()) -> World:
    """Return a world of items with one category each, then of items with tags only."""
    made = World(EngineConfig())
    for number, (words, kinds) in enumerate(
        [*(((), (name,)) for name in categories), *((words, ()) for words in tags)]
    ):
        made.upsert_item(
            ItemUpserted(event_time_ms=0, item=str(number), title="x", categories=tuple(kinds), tags=tuple(words))
        )
    return made


def taste_of(notes: dict[int, bool], base: Callable[[int], float] = lambda row: BASE) -> Taste:
    taste = Taste()
    for row, liked in notes.items():
        taste.note(row, liked, base(row))
    return taste


def centred(taste: Taste, world: World, rows: list[int]) -> list[float]:
    """Return utilities without what all items share: how much items are above the last of them."""
    logits = taste.logits(world, np.array(rows))
    return [float(logit - logits[-1]) for logit in logits]


# -- what it says ----------------------------------------------------------------------------------------------


def test_without_notes_it_says_nothing_and_doubts_everything(world: World) -> None:
    rows = np.arange(FILMS)
    assert not Taste().logits(world, rows).any()
    assert np.allclose(Taste().variances(world, rows), np.diag(reference_kernel(world, rows)))


def test_liked_film_raises_its_genre_and_no_other() -> None:
    world = bare("horror", "horror", "comedy", "western")
    horror, comedy, western = centred(taste_of({0: True}), world, [1, 2, 3])
    assert horror > 0.1
    assert comedy == western == 0.0


def test_passed_over_film_lowers_its_genre_and_no_other() -> None:
    world = bare("horror", "horror", "comedy", "western")
    horror, comedy, western = centred(taste_of({0: False}, lambda row: 0.0), world, [1, 2, 3])
    assert horror < -0.1
    assert comedy == western == 0.0


def test_liked_film_raises_what_shares_more_of_its_tags_more() -> None:
    world = bare(tags=(("a", "b"), ("a", "b"), ("a", "c"), ("c", "d")))
    both, one, none = centred(taste_of({0: True}), world, [1, 2, 3])
    assert both > one > none == 0.0


def test_years_and_numbers_carry_over_by_distance() -> None:
    for described in ({"year": 1980}, {"year": 1984}, {"year": 2010}), ({"x": 0.0}, {"x": 0.5}, {"x": 9.0}):
        world = World(EngineConfig())
        for number, values in enumerate([*described, {}]):
            values = dict(values)
            year = values.pop("year", None)
            world.upsert_item(ItemUpserted(event_time_ms=0, item=str(number), title="x", year=year, numbers=values))
        same, near, far, missing = centred(taste_of({0: True}), world, [0, 1, 2, 3])
        assert same > near > far
        assert far == pytest.approx(missing, abs=0.02)


def test_surprise_teaches_more_than_what_was_expected() -> None:
    world = bare("horror", "horror", "comedy")
    surprising, expected = taste_of({0: True}, lambda row: -2.0), taste_of({0: True}, lambda row: 2.0)
    assert centred(surprising, world, [1, 2])[0] > centred(expected, world, [1, 2])[0] > 0.0


def test_notes_reduce_doubt_most_where_they_say_most() -> None:
    world = bare("horror", "horror", "comedy")
    rows = np.arange(3)
    before, after = Taste().variances(world, rows), taste_of({0: True}).variances(world, rows)
    reduced = before - after
    assert reduced[0] > reduced[1] > reduced[2] > 0.0
    assert (after > 0.0).all()


# -- what it remembers -----------------------------------------------------------------------------------------


def test_film_that_was_liked_stays_liked_and_becomes_the_newest(world: World) -> None:
    again, once = taste_of({3: True, 5: False}), taste_of({5: False, 3: True})
    again.note(3, False, BASE)
    assert again.to_state() == once.to_state()


def test_film_that_was_passed_over_can_be_liked_later(world: World) -> None:
    later = taste_of({3: False})
    later.note(3, True, BASE)
    assert later.to_state() == taste_of({3: True}).to_state()


def test_what_an_earlier_session_liked_counts_less_and_can_be_passed_over(world: World) -> None:
    taste, rows = taste_of({4: True}), np.arange(FILMS)
    full = taste.logits(world, rows)
    taste.discount(0.5)
    assert 0.0 < taste.logits(world, rows)[4] < full[4]
    taste.note(4, False, BASE)
    assert taste.to_state() == taste_of({4: False}).to_state()
    taste.discount(0.0)
    assert len(taste) == 0


def test_what_an_earlier_session_refused_fades_with_each_session_and_is_forgotten(world: World) -> None:
    taste, rows, effects = Taste(), np.arange(FILMS), []
    taste.refuse(4)
    for _ in range(6):
        effects.append(float(taste.logits(world, rows)[4]))
        restored = Taste.from_state(taste.to_state())
        assert restored.logits(world, rows).tobytes() == taste.logits(world, rows).tobytes()
        taste.discount(0.5)
    assert effects == sorted(effects) and effects[0] < effects[-1] < 0.0
    taste.refuse(4)
    assert float(taste.logits(world, rows)[4]) == effects[0], "refused again, it counts in full"
    for _ in range(8):
        taste.discount(0.5)
    assert len(taste) == 0


def test_refusal_in_a_snapshot_of_before_they_faded_counts_in_full(world: World) -> None:
    taste = Taste()
    taste.refuse(4)
    state = np.frombuffer(
        taste.to_state(), dtype=[("row", "<i4"), ("liked", "u1"), ("base", "<f8"), ("worth", "<f8")]
    ).copy()
    state["base"] = state["worth"] = 0.0
    assert Taste.from_state(state.tobytes()).to_state() == taste.to_state()


def test_memory_is_bounded_and_the_oldest_gives_way(world: World) -> None:
    taste = taste_of({row: row % 3 == 0 for row in range(FILMS)})
    assert len(taste) == MEMORY
    newest = taste_of({row: row % 3 == 0 for row in range(FILMS - MEMORY, FILMS)})
    assert taste.to_state() == newest.to_state()


def test_predicting_changes_nothing(world: World) -> None:
    taste, rows = taste_of({row: row % 3 == 0 for row in range(30)}), np.arange(FILMS)
    state, first = taste.to_state(), taste.logits(world, rows)
    taste.variances(world, rows)
    assert taste.logits(world, rows).tobytes() == first.tobytes()
    assert taste.to_state() == state


def test_restored_taste_has_the_same_bytes_and_predictions(world: World) -> None:
    taste, rows = taste_of({row: row % 3 == 0 for row in range(0, 200, 3)}, lambda row: row / 7 - 9.0), np.arange(FILMS)
    taste.discount(0.7)
    taste.note(8, True, 0.1)
    restored = Taste.from_state(taste.to_state())
    assert restored.to_state() == taste.to_state()
    assert restored.logits(world, rows).tobytes() == taste.logits(world, rows).tobytes()


# -- in which world --------------------------------------------------------------------------------------------


def test_changed_description_is_seen_at_once() -> None:
    world = bare("horror", "comedy", "western")
    taste = taste_of({0: True})
    assert centred(taste, world, [1, 2])[0] == 0.0
    world.upsert_item(ItemUpserted(event_time_ms=0, item="1", title="x", categories=("horror",)))
    assert centred(taste, world, [1, 2])[0] > 0.1


def test_note_of_an_item_that_this_world_lacks_waits() -> None:
    taste, rows = taste_of({0: True, 7: True}), np.arange(3)
    behind = bare("horror", "horror", "comedy")
    assert taste.logits(behind, rows).tobytes() == taste_of({0: True}).logits(behind, rows).tobytes()
    assert not taste_of({7: True}).logits(behind, rows).any()
    caught_up = bare("horror", "horror", "comedy", *["horror"] * 5)
    assert taste.logits(caught_up, rows)[1] > taste.logits(behind, rows)[1]


# -- the arithmetic --------------------------------------------------------------------------------------------


def reference_kernel(world: World, rows: NDArray[np.int64]) -> Floats:
    """Return the prior covariance of all pairs, written down term by term."""
    tokens, weights = world.contents["token"][rows], world.contents["weight"][rows].astype(float)
    shared = (tokens[:, None, :, None] == tokens[None, :, None, :]) & (tokens[:, None, :, None] >= 0)
    kernel: Floats = np.einsum("at,abts,bs->ab", weights, shared, weights)
    kernel += LEVEL_VARIANCE + ITEM_VARIANCE * (rows[:, None] == rows)
    everything = world.contents["number"].astype(float)
    for column in range(1 + len(world.number_names)):
        numbers, known = everything[rows, column], ~np.isnan(everything[rows, column])
        scale = np.nanstd(everything[:, column]) if column else YEAR_SCALE
        distance = np.nan_to_num(numbers[:, None] - numbers) / scale
        bells = np.exp(-0.5 * distance**2) * np.outer(known, known)
        kernel += (NUMBER_VARIANCE if column else YEAR_VARIANCE) * bells
    return kernel


def reference(
    world: World, notes: dict[int, bool], base: Floats, worth: float, rows: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return posterior mean and variance by dense linear algebra."""
    known = np.array(list(notes))
    whole = reference_kernel(world, np.concatenate([known, rows]))
    count = len(known)
    kernel, cross, prior = whole[:count, :count], whole[:count, count:], np.diag(whole)[count:]
    mode = np.zeros(count)
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-(base + mode)))
        curvature = np.maximum(p * (1.0 - p), LEAST_CURVATURE)
        covariance = kernel + np.diag(1.0 / (worth * curvature))
        weights = np.linalg.solve(covariance, mode + (np.array(list(notes.values())) - p) / curvature)
        mode = kernel @ weights
    return cross.T @ weights, prior - np.einsum("ai,ai->i", cross, np.linalg.solve(covariance, cross))


@pytest.mark.parametrize("remembered", [1, 2, 5, 24, MEMORY])
@pytest.mark.parametrize("worth", [1.0, 0.3])
def test_posterior_is_that_of_dense_linear_algebra(world: World, remembered: int, worth: float) -> None:
    rng = np.random.default_rng(remembered)
    notes = {int(row): bool(rng.random() < 0.3) for row in rng.permutation(FILMS)[:remembered]}
    base = rng.normal(BASE, 1.0, remembered)
    taste = taste_of(notes, dict(zip(notes, base.tolist(), strict=True)).__getitem__)
    if worth < 1.0:
        taste.discount(worth)
    rows = np.arange(FILMS)
    mean, variance = reference(world, notes, base, worth, rows)
    assert np.abs(taste.logits(world, rows) - mean).max() < 1e-8
    assert np.abs(taste.variances(world, rows) - variance).max() < 1e-8


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.integers(0, FILMS - 1),
        st.tuples(st.booleans(), st.one_of(st.floats(allow_nan=False), st.sampled_from([1e300, -1e300, np.inf]))),
        max_size=40,
    )
)
def test_everything_is_finite_for_any_base_logits(world: World, notes: dict[int, tuple[bool, float]]) -> None:
    taste = Taste()
    for row, (liked, base) in notes.items():
        taste.note(row, liked, base)
    rows = np.arange(FILMS)
    assert np.isfinite(taste.logits(world, rows)).all()
    assert np.isfinite(taste.variances(world, rows)).all()
    assert (taste.variances(world, rows) >= 0.0).all()


def test_base_logit_that_is_no_number_is_refused() -> None:
    taste = taste_of({1: True})
    state = taste.to_state()
    with pytest.raises(ValueError, match="NaN"):
        taste.note(2, True, float("nan"))
    assert taste.to_state() == state


def test_no_rows_get_no_logits(world: World) -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert (
        taste_of({1: True}).logits(world, nothing).shape == taste_of({1: True}).variances(world, nothing).shape == (0,)
    )
