"""The items pages: what became of a film, told from the counts, the model and the log."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client

from recsys.events import Click, Event, Impression, ItemUpserted, SlateServed
from recsys.inspection import clicked_beside, item_belief
from recsys.learner import Learner
from recsys.log.base import records
from tests.integration.staff_pages import text
from webapp import wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.analytics.intervals import wilson
from webapp.catalog.models import Item

pytestmark = pytest.mark.django_db

PAGE = "/staff/items/"
FILMS = {"1": "Alien", "2": "Aliens", "3": "Brazil", "4": "Diva", "5": "Excalibur"}


@pytest.fixture
def staff(client: Client, wired: redis.Redis) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_items"))
    client.force_login(user)
    return user


@pytest.fixture
def lived(staff: User) -> Iterator[None]:
    """Five films; three visitors who saw the first three, and opened Alien first, then Aliens."""
    films = [
        ItemUpserted(event_time_ms=1, item=item, title=title, categories=("Horror",) if title[0] == "A" else ("Drama",))
        for item, title in FILMS.items()
    ]
    for film in films:
        Item.from_event(film).save()
    wiring.event_log().append(films)
    for number in range(3):
        visit(f"s-{number}", ("1", "2"))
    visit("made-up", ("3",), simulated=True)
    learner = Learner(wiring.config())
    learner.fold(records(wiring.event_log()))
    wiring.replica().load(learner.snapshot())
    AggregateWriter(wiring.event_log(), wiring.config().session_gap_s * 1_000).run(10_000)
    return


def visit(session: str, opened: tuple[str, ...], *, simulated: bool = False) -> None:
    now_ms = wiring.clock().now_ms()
    shown: dict[str, Any] = {"session": session, "slate": f"slate-{session}", "simulated": simulated}
    items = ("1", "2", "3")
    events: list[Event] = [
        SlateServed(
            event_time_ms=now_ms, surface="for_you", items=items, propensities=(0.5, 0.4, 0.3), explored=(2,), **shown
        )
    ]
    events += [
        Impression(event_time_ms=now_ms, seq=place + 1, item=item, position=place, **shown)
        for place, item in enumerate(items)
    ]
    events += [
        Click(event_time_ms=now_ms, seq=10 + place, item=item, position=items.index(item), **shown)
        for place, item in enumerate(opened)
    ]
    wiring.event_log().append(events)


def links(response: Any, listing: str) -> set[str]:
    """Return where the table's cells lead for the one who asked."""
    table = response.content.decode().split(f'id="table-{listing}"')[1].split("</table>")[0]
    return set(re.findall(r'href="(/[^"]+)"', table))


def test_names_lead_only_where_one_may_go(client: Client, lived: None, staff: User) -> None:
    page = client.get(f"{PAGE}1/")
    assert links(page, "recent") == set()
    assert {row.session for row in page.context["recent"].everything()} == {"s-0", "s-1", "s-2", "made-up"}
    assert all(f"<code>{session}</code>" in page.content.decode() for session in ("s-0", "made-up"))
    assert "/staff/items/2/" in links(page, "neighbours")
    staff.user_permissions.add(Permission.objects.get(codename="view_sessions"))
    page = client.get(f"{PAGE}1/")
    assert links(page, "recent") == {f"/staff/sessions/{name}/" for name in ("s-0", "s-1", "s-2", "made-up")}


@pytest.mark.parametrize(("codename", "path", "listing"), [
    ("view_sessions", "/staff/sessions/s-0/", "events"),
    ("view_overview", "/staff/overview/", "top"),
])  # fmt: skip
def test_films_are_plain_text_for_those_who_may_not_see_items(
    client: Client, lived: None, staff: User, codename: str, path: str, listing: str
) -> None:
    staff.user_permissions.set([Permission.objects.get(codename=codename)])
    page = client.get(path)
    assert "Alien" in text(page)
    assert links(page, listing) == set()
    staff.user_permissions.add(Permission.objects.get(codename="view_items"))
    assert "/staff/items/1/" in links(client.get(path), listing)


def test_sessions_of_the_paused_tail_are_plain_text_for_those_who_may_not_see_them(
    client: Client, lived: None, staff: User
) -> None:
    staff.user_permissions.set([Permission.objects.get(codename="view_live")])
    page = client.get("/staff/live/?paused")
    assert "s-0" in text(page)
    assert links(page, "tail") == set()
    staff.user_permissions.add(Permission.objects.get(codename="view_sessions"))
    assert "/staff/sessions/s-0/" in links(client.get("/staff/live/?paused"), "tail")


def listed(client: Client, **query: str) -> list[tuple[str, int, int]]:
    rows = client.get(PAGE, query).context["items"].everything()
    return [(row.title, row.impressions, row.clicks) for row in rows]


def test_without_a_catalogue_the_page_says_how_to_get_one(client: Client, staff: User):
    assert "Load a data set" in text(client.get(PAGE))


def test_pages_are_for_those_who_may_see_them(client: Client, wired: redis.Redis):
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert {client.get(path).status_code for path in (PAGE, f"{PAGE}1/")} == {403}


def test_list_counts_what_was_seen_and_opened_and_keeps_what_never_was(client: Client, lived: None):
    assert listed(client, sort="title") == [
        ("Alien", 4, 3), ("Aliens", 4, 3), ("Brazil", 4, 1), ("Diva", 0, 0), ("Excalibur", 0, 0),
    ]  # fmt: skip
    assert listed(client, simulated="no", sort="title")[2] == ("Brazil", 3, 0)
    assert [title for title, *_ in listed(client, title="alien", sort="-title")] == ["Aliens", "Alien"]
    assert [title for title, *_ in listed(client, impressions_max="0", sort="title")] == ["Diva", "Excalibur"]
    assert listed(client, id="3") == [("Brazil", 4, 1)]


def test_list_rates_items_with_an_interval_and_sorts_by_the_rate(client: Client, lived: None):
    lines = b"".join(client.get(PAGE, {"csv": "items", "sort": "-click_through"}).streaming_content)
    rows = list(csv.DictReader(io.StringIO(lines.decode())))
    assert [(row["title"], row["click_through"]) for row in rows][:3] == [
        ("Alien", "0.75"), ("Aliens", "0.75"), ("Brazil", "0.25"),
    ]  # fmt: skip
    for row in rows[:3]:
        interval = wilson(int(row["clicks"]), int(row["impressions"]))
        assert (float(row["low"]), float(row["high"])) == pytest.approx(interval)
    assert {(row["click_through"], row["low"], row["high"]) for row in rows[3:]} == {("", "", "")}
    assert [title for title, *_ in listed(client, click_through_min="50", sort="title")] == ["Alien", "Aliens"]


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "90d"])
def test_list_counts_a_period_that_has_whole_weeks_and_days_beside_them(client: Client, lived: None, period: str):
    assert listed(client, period=period, sort="title")[:2] == [("Alien", 4, 3), ("Aliens", 4, 3)]


def test_page_tells_positions_with_their_intervals(client: Client, lived: None):
    response = client.get(f"{PAGE}2/")
    (position,) = response.context["positions"].everything()
    assert (position.at, position.impressions, position.clicks, position.rate) == (1, 4, 3, 0.75)
    assert position.low < 0.75 < position.high
    assert "Seen 4 times, 0 of them by chance, and opened 3 times: 75.0 %" in text(response)


@pytest.fixture
def remembered(lived: None) -> None:
    """Ten clicks on Diva and ten on Brazil that came with an imported history."""
    now_ms = wiring.clock().now_ms()
    wiring.event_log().append(
        Click(event_time_ms=now_ms, session=f"h-{number}", item=item) for number in range(10) for item in ("3", "4")
    )
    AggregateWriter(wiring.event_log(), wiring.config().session_gap_s * 1_000).run(10_000)


def test_clicks_of_a_history_are_opened_in_all_and_have_no_part_in_the_rate(client: Client, remembered: None):
    rows = {row["Item"]: row for row in table(client, PAGE)}
    assert [rows["Brazil"][name] for name in ("Seen", "Opened of these", "Click-through", "Opened in all")] == [
        "4", "1", "25.0\N{NO-BREAK SPACE}%", "11",
    ]  # fmt: skip
    assert [rows["Diva"][name] for name in ("Seen", "Opened of these", "Click-through", "Opened in all")] == [
        "0", "0", "—", "10",
    ]  # fmt: skip
    assert "“Opened in all” counts every click, also those of an imported history" in text(client.get(PAGE))


def test_page_of_an_item_tells_clicks_on_lists_from_the_others(client: Client, remembered: None):
    total = client.get(f"{PAGE}3/").context["life"].total
    assert (total.impressions, total.clicks, total.rate, total.opened) == (4, 1, 0.25, 11)
    assert "opened 1 time: 25.0 %" in text(client.get(f"{PAGE}3/"))
    assert "Opened 10 times where no list of ours is known to have shown it" in text(client.get(f"{PAGE}3/"))
    assert "Not seen on lists of ours. Opened 10 times" in text(client.get(f"{PAGE}4/"))


def table(client: Client, path: str) -> list[dict[str, str]]:
    """Return the cells of the page's table as they are written, by the titles of their columns."""
    (listing,) = (each for each in [client.get(path).context["items"]])
    titles = [head.title for head in listing.heads]
    return [dict(zip(titles, (str(cell.text) for cell in row), strict=True)) for row in listing.body]


def test_what_chance_showed_is_told_apart(client: Client, lived: None):
    assert client.get(f"{PAGE}3/").context["life"].total.explored == 4
    assert client.get(f"{PAGE}3/", {"simulated": "no"}).context["life"].total.explored == 3


def test_neighbours_are_those_of_the_same_sessions_with_how_many_these_were(client: Client, lived: None):
    response = client.get(f"{PAGE}1/")
    (neighbour,) = response.context["neighbours"].everything()
    assert (neighbour.title, neighbour.sessions, neighbour.share) == ("Aliens", 3, 1.0)
    world = wiring.replica().world
    sessions, beside = clicked_beside(world, world.rows["3"], 10)
    assert (sessions, beside) == (1 if wiring.config().learn_from_simulated else 0, [])


def test_alike_is_what_has_its_categories(client: Client, lived: None):
    alike = list(client.get(f"{PAGE}3/").context["alike"].everything())
    assert {found.title for found in alike} == {"Diva", "Excalibur"}
    assert all(found.likeness == pytest.approx(1.0, abs=1e-3) for found in alike)


def test_belief_comes_with_its_spread_and_with_its_tastes(client: Client, lived: None):
    world = wiring.replica().world
    belief = item_belief(world, world.rows["1"])
    assert [taste.name for taste in belief.tastes] == ["Horror"]
    assert 0 < belief.appeal_deviation < item_belief(world, world.rows["5"]).appeal_deviation
    page = text(client.get(f"{PAGE}1/"))
    assert f"Appeal of its own {belief.appeal:+.2f} ± {belief.appeal_deviation:.2f} logits" in page
    assert f"Horror {belief.tastes[0].mean:+.2f}" in page


def test_lists_that_showed_it_lately_say_whether_it_was_opened(client: Client, lived: None):
    found = list(client.get(f"{PAGE}3/").context["recent"].everything())
    assert [(each.session, each.position, each.explored, each.clicked) for each in found] == [
        ("made-up", 2, True, True), ("s-2", 2, True, False), ("s-1", 2, True, False), ("s-0", 2, True, False),
    ]  # fmt: skip
    assert found[0].propensity == pytest.approx(0.3)


def test_item_that_there_never_was_is_not_found(client: Client, lived: None):
    assert client.get(f"{PAGE}99/").status_code == 404


def test_item_that_the_model_does_not_know_yet_says_so(client: Client, staff: User):
    Item.objects.create(item_id="new", title="Zardoz")
    assert "does not know it yet" in text(client.get(f"{PAGE}new/"))


def test_period_that_makes_no_sense_is_named(client: Client, lived: None):
    for path in (PAGE, f"{PAGE}1/"):
        response = client.get(path, {"period": "aeon"})
        assert response.status_code == 400
        assert "aeon is not one of the available choices" in text(response)


def test_without_redis_the_rest_of_the_page_stands(client: Client, lived: None, without_redis: None):
    response = client.get(f"{PAGE}1/")
    assert response.status_code == 200
    assert "Redis can't be reached" in text(response)
    assert response.context["life"].total.impressions == 4
