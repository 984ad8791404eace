"""A portrait says what the belief says: alike before any evidence, moved and surer after it."""

import numpy as np
import pytest

from recsys.description import CATEGORY_VARIANCE, content_token
from recsys.events import ItemUpserted
from recsys.sessions.likeness import facets
from recsys.sessions.portrait import LEANINGS, TAGS, leanings, portray
from tests.unit.engine_samples import GENRES, START_MS, Visit, empty_world, trained_world


@pytest.fixture
def visit() -> Visit:
    return Visit(trained_world())


def opened(visit: Visit, genre: str, films: int = 2) -> None:
    """Show a shelf of that genre beside one of another, and open its first films."""
    visit.show(visit.recommender.category(visit.session, "Drama"))
    shelf = visit.show(visit.recommender.category(visit.session, genre))
    for position in range(films):
        visit.click(shelf.items[position], shelf.slate, position)


def test_before_any_evidence_a_session_is_like_anybody(visit: Visit) -> None:
    portrait = portray(visit.world, visit.session)
    assert not portrait.mean.any()
    np.testing.assert_array_equal(portrait.deviation, portrait.anybody)
    assert set(GENRES) < set(portrait.names)


def test_clicks_raise_their_genre_and_make_it_surer(visit: Visit) -> None:
    opened(visit, "Horror")
    portrait = portray(visit.world, visit.session)
    horror, drama = portrait.names.index("Horror"), portrait.names.index("Drama")
    assert portrait.mean[horror] > 0 > portrait.mean[drama]
    assert portrait.deviation[horror] < portrait.anybody[horror]


def test_tags_of_what_was_opened_or_refused_are_tastes_too(visit: Visit) -> None:
    opened(visit, "Horror")
    visit.dismiss("film-3")
    portrait = portray(visit.world, visit.session)
    clicked = [visit.world.catalogue[row].tags[0] for row in visit.session.context.clicked]
    assert all(portrait.mean[portrait.names.index(tag)] > 0 for tag in clicked)
    assert portrait.mean[portrait.names.index("director-3")] < 0
    assert len(portrait.names) == len(set(portrait.names))


def test_no_more_tags_than_fit(visit: Visit) -> None:
    for number in range(2 * TAGS):
        visit.dismiss(f"film-{number}")
    tags = [name for name in portray(visit.world, visit.session).names if name.startswith("director")]
    assert len(tags) == TAGS


def test_leanings_are_the_deltas_of_what_can_be_told_in_words(visit: Visit) -> None:
    before = leanings(visit.session)
    assert before.names == LEANINGS
    assert not before.mean.any()
    opened(visit, "Horror")
    after = leanings(visit.session)
    assert after.mean.any()
    assert (after.deviation <= before.anybody).all()
    visit.session.adaptive = False
    assert not leanings(visit.session).mean.any()


def test_control_arm_has_the_portrait_of_anybody(visit: Visit) -> None:
    opened(visit, "Horror")
    visit.session.adaptive = False
    portrait = portray(visit.world, visit.session)
    assert not portrait.mean.any()
    np.testing.assert_array_equal(portrait.deviation, portrait.anybody)


def test_portraying_changes_nothing(visit: Visit) -> None:
    opened(visit, "Western")
    before = visit.session.context.to_state(), visit.session.belief.to_state()
    portray(visit.world, visit.session)
    assert (visit.session.context.to_state(), visit.session.belief.to_state()) == before


def test_films_that_differ_in_genre_alone_differ_in_utility_by_their_genres_functions() -> None:
    visit = Visit(empty_world(240))
    world, taste = visit.world, visit.session.context.taste
    opened(visit, "Horror")
    rows = [world.upsert_item(plain(name)) for name in ("Horror", "Romance")]
    utilities = taste.logits(world, np.array(rows))
    tokens = [content_token("category", name) for name in ("Horror", "Romance")]
    (horror, romance), _ = taste.shared(world, *facets(world, tokens, [CATEGORY_VARIANCE] * 2, []))
    assert utilities[0] - utilities[1] == pytest.approx(horror - romance, abs=1e-6)


def plain(genre: str) -> ItemUpserted:
    return ItemUpserted(event_time_ms=START_MS, item=f"plain-{genre}", title=genre, categories=(genre,))
