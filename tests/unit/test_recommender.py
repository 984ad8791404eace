"""Serving: what a session does changes its own next slate, at once and visibly, and nothing else."""

import numpy as np
import pytest

from recsys import copying, ranking
from recsys.layout import TASTE_START
from tests.unit.engine_samples import CONFIG, Visit, film, trained_world, two_horror_clicks
from tests.unit.streams import world_bytes


def scores(visit: Visit) -> np.ndarray:
    """Return how this session likes each item, relative to the average one."""
    found = ranking.score(visit.world, visit.session, np.arange(len(visit.world.items)), visit.clock.now_ms()).scores
    return found - found.mean()


@pytest.fixture
def visit() -> Visit:
    return Visit(trained_world())


def test_two_horror_clicks_turn_most_of_the_slate_to_horror(visit: Visit) -> None:
    assert visit.share("Horror") < 0.25
    two_horror_clicks(visit)
    assert visit.share("Horror") > 0.5


def test_two_horror_clicks_out_of_search_results_turn_the_slate_as_well(visit: Visit) -> None:
    for number in (4, 28):
        found = visit.show(visit.recommender.listed(visit.session, "search", [f"film-{number}"]))
        visit.click(found.items[0], found.slate)
    assert visit.share("Horror") > 0.5


def test_clicks_whose_slates_are_not_known_still_turn_the_slate(visit: Visit) -> None:
    for number in (4, 28):
        visit.click(f"film-{number}", "a slate of another process")
    assert visit.share("Horror") > 0.5


def test_the_first_reasons_name_what_the_session_taught(visit: Visit) -> None:
    two_horror_clicks(visit)
    reasons = [reason for reason in visit.for_you().reasons[:6] if reason.kind == "taste"]
    assert reasons
    assert all("Horror" in reason.because for reason in reasons)


def test_a_click_in_a_row_of_one_genre_counts_against_what_was_seen_beside_it(visit: Visit) -> None:
    before = scores(visit)
    beside = visit.show(visit.recommender.category(visit.session, "Comedy"))
    row = visit.show(visit.recommender.category(visit.session, "Horror"))
    visit.click(row.items[0], row.slate, 0)
    gained = scores(visit) - before
    horror, comedy = (gained[visit.world.category(name)].mean() for name in ("Horror", "Comedy"))
    assert horror > 0.3
    assert comedy < -0.1
    assert visit.world.rows[beside.items[0]] in visit.session.context.passed


def test_an_item_that_was_opened_elsewhere_is_not_passed_over(visit: Visit) -> None:
    trending = visit.show(visit.recommender.trending(visit.session))
    found = visit.show(visit.recommender.listed(visit.session, "search", [trending.items[0], "film-4"]))
    visit.click(found.items[0], found.slate, 0)
    visit.click(found.items[1], found.slate, 1)
    assert visit.world.rows[trending.items[0]] not in visit.session.context.passed
    assert visit.world.rows[trending.items[1]] in visit.session.context.passed


def test_a_further_click_on_a_list_teaches_the_taste_but_blames_nothing_once_more(visit: Visit) -> None:
    served = visit.show(visit.for_you())
    visit.click(served.items[1], served.slate, 1)
    weights, taste = visit.session.belief.delta_mean().copy(), sorted_notes(visit)
    assert weights.any()
    visit.click(served.items[4], served.slate, 4)
    np.testing.assert_array_equal(visit.session.belief.delta_mean(), weights)
    assert sorted_notes(visit) != taste
    again = visit.show(visit.for_you())
    visit.click(again.items[0], again.slate, 0)
    assert (visit.session.belief.delta_mean() != weights).any()


def test_slates_passed_over_lose_ground_to_others(visit: Visit) -> None:
    before = visit.share("Drama", visit.recommender.for_you(visit.session, 40))
    for _ in range(4):
        visit.show(visit.recommender.category(visit.session, "Drama"))
        visit.show(visit.recommender.trending(visit.session), seen=0)
    after = visit.share("Drama", visit.recommender.for_you(visit.session, 40))
    assert after < before


def test_passing_over_a_slate_lowers_its_tastes_once_it_is_left(visit: Visit) -> None:
    drama = visit.world.tastes.index("Drama")
    visit.show(visit.recommender.category(visit.session, "Drama"))
    assert not np.any(visit.session.belief.delta_mean())
    visit.show(visit.recommender.trending(visit.session), seen=0)
    assert visit.session.belief.delta_mean()[TASTE_START + drama] < 0


def test_rows_that_follow_on_a_page_leave_the_rows_above_as_they_are(visit: Visit) -> None:
    above = visit.show(visit.recommender.category(visit.session, "Drama"))
    visit.show(visit.recommender.category(visit.session, "Western"))
    assert not visit.session.shown[above.slate].closed
    assert not np.any(visit.session.belief.delta_mean())


def test_dismissals_push_their_like_down(visit: Visit) -> None:
    two_horror_clicks(visit)
    before = visit.share("Horror")
    served = visit.show(visit.for_you(), seen=0)
    for position, item in enumerate(served.items):
        if "Horror" in visit.world.catalogue[visit.world.rows[item]].categories:
            visit.dismiss(item, served.slate, position)
    assert visit.share("Horror") < before / 2


def test_for_you_repeats_nothing_opened_or_dismissed(visit: Visit) -> None:
    served = visit.show(visit.for_you())
    visit.click(served.items[0], served.slate, 0)
    visit.dismiss(served.items[1], served.slate, 1)
    assert not {served.items[0], served.items[1]} & set(visit.for_you().items)


def test_other_surfaces_drop_what_was_dismissed_and_keep_what_was_opened(visit: Visit) -> None:
    served = visit.show(visit.recommender.trending(visit.session))
    visit.click(served.items[0], served.slate, 0)
    visit.dismiss(served.items[1], served.slate, 1)
    again = visit.recommender.trending(visit.session).items
    assert served.items[0] in again
    assert served.items[1] not in again
    assert len(again) == CONFIG.slate_size


@pytest.mark.parametrize("clicks", [0, 1], ids=["alone", "after it was passed over"])
def test_an_undone_dismissal_leaves_nothing_behind(visit: Visit, clicks: int) -> None:
    served = visit.show(visit.for_you())
    for position in range(clicks):
        visit.click(served.items[position], served.slate, position)
    slate, before, taste = visit.for_you().items, scores(visit), sorted_notes(visit)
    visit.dismiss(served.items[2], served.slate, 2)
    assert np.abs(scores(visit) - before).max() > 0.1
    visit.undo(served.items[2], served.slate, 2)
    assert sorted_notes(visit) == taste
    np.testing.assert_allclose(scores(visit), before, atol=1e-4)
    assert visit.for_you().items == slate


def sorted_notes(visit: Visit) -> list[bytes]:
    """Return what the session's taste remembers, in no order."""
    notes = visit.session.context.taste.to_state()
    size = 1 if not len(visit.session.context.taste) else len(notes) // len(visit.session.context.taste)
    return sorted(notes[start : start + size] for start in range(0, len(notes), size))


def test_dismissing_twice_counts_once(visit: Visit) -> None:
    served = visit.show(visit.for_you())
    visit.dismiss(served.items[2], served.slate, 2)
    once = visit.session.belief.delta_mean().copy()
    visit.dismiss(served.items[2], served.slate, 2)
    np.testing.assert_array_equal(visit.session.belief.delta_mean(), once)


def test_serving_and_observing_change_no_byte_of_the_world(visit: Visit) -> None:
    before = world_bytes(visit.world)
    two_horror_clicks(visit)
    for slate in (
        visit.for_you(),
        visit.recommender.trending(visit.session),
        visit.recommender.newest(visit.session),
        visit.recommender.category(visit.session, "Drama"),
        visit.recommender.neighbours(visit.session, "film-4"),
        visit.recommender.listed(visit.session, "search", ["film-9", "film-8"]),
    ):
        visit.show(slate)
    visit.dismiss("film-9")
    assert world_bytes(visit.world) == before
    assert not len(copying.changes(visit.world)[1]["items/row"])


def test_the_same_session_gets_the_same_slate_until_it_acts(visit: Visit) -> None:
    first = visit.for_you()
    assert visit.for_you().items == first.items
    assert Visit(trained_world()).for_you().items == first.items
    assert Visit(trained_world(), "another").for_you().items != first.items


def test_a_session_rebuilt_from_its_events_serves_the_same_slate(visit: Visit) -> None:
    two_horror_clicks(visit)
    visit.dismiss(visit.for_you().items[0])
    rebuilt = visit.recommender.rebuild("visitor", visit.log)
    assert visit.recommender.for_you(rebuilt).items == visit.for_you().items
    np.testing.assert_array_equal(rebuilt.belief.delta_mean(), visit.session.belief.delta_mean())


def test_an_earlier_session_counts_less_than_the_current_one_and_more_than_nothing(visit: Visit) -> None:
    two_horror_clicks(visit)
    horror = TASTE_START + visit.world.tastes.index("Horror")
    liking = [
        visit.recommender.rebuild("next", [], earlier).belief.delta_mean()[horror]
        for earlier in ([], [visit.log, []], [visit.log])
    ]
    assert 0.0 == liking[0] < liking[1] < liking[2] < visit.session.belief.delta_mean()[horror]


def test_an_earlier_session_leaves_no_items_opened(visit: Visit) -> None:
    two_horror_clicks(visit)
    returning = visit.recommender.rebuild("next", [], [visit.log])
    assert returning.id == "next"
    assert not returning.context.opened


def test_the_control_arm_sees_the_worlds_ranking_whatever_it_does() -> None:
    control = Visit(trained_world(), adaptive=False)
    before = control.for_you()
    served = control.show(before, seen=6)
    control.click(served.items[0], served.slate, 0)
    after = control.for_you()
    scores = dict(zip(before.items, before.scores, strict=True))
    common = {item: score for item, score in zip(after.items, after.scores, strict=True) if item in scores}
    assert len(common) > CONFIG.slate_size / 2
    assert common == pytest.approx({item: scores[item] for item in common}, abs=1e-4)


def test_events_of_unknown_items_are_passed_by(visit: Visit) -> None:
    before = visit.for_you()
    assert not visit.click("no such film")
    assert not visit.dismiss("no such film")
    assert visit.for_you().items == before.items
    assert not visit.recommender.observe(visit.session, film(1))


def test_observe_tells_whether_the_next_slate_may_differ(visit: Visit) -> None:
    served = visit.show(visit.for_you())
    assert visit.click(served.items[0], served.slate, 0)
    assert visit.dismiss(served.items[1], served.slate, 1)
    assert visit.undo(served.items[1], served.slate, 1)
