"""Redriving all dead letters: seen while it goes on, by one at a time, written down once, and nothing counts twice."""

from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.errors import LogUnavailable
from recsys.log.base import DeadLetter
from tests.integration.putting_aside import held, logged, put_aside, readable
from webapp import wiring
from webapp.analytics import redrives
from webapp.analytics.redrives import AlreadyGoing, Run, board

PAGE = "/staff/dead-letters/"
#: Where the run that goes on has its place, which expires when it is silent.
PLACE = "freshet:redriving:place"
FRAGMENT = {"HX-Request": "true", "HX-Target": "redriving"}


@pytest.fixture
def ada(wired: redis.Redis, transactional_db: None) -> User:
    """Somebody who may redrive; a database that the thread shares."""
    user = User.objects.create_user("ada", is_staff=True)
    codenames = ["view_dead_letters", "redrive_dead_letters"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def desk(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def written_down() -> list[str]:
    return list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))


def run() -> Run:
    found = board().latest()
    assert found is not None
    return found


def test_each_letter_that_can_enter_does_and_the_others_stay(ada: User):
    readable(1, 2)
    broken = put_aside()
    readable(3)
    redrives.begin(ada).go()
    assert (len(logged()), held()) == (3, [broken])
    assert (run().state, run().letters, run().tried, run().stay) == ("ended", 3, 3, 1)
    assert run().outcomes == {"accepted": 3}
    assert written_down() == ["redriven, all 3: 3 accepted; 1 of the letters stays"]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (ada, "all dead letters")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.none() | st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True), max_size=6))
def test_whatever_is_held_every_letter_is_accounted_for_and_no_event_is_logged_twice(
    ada: User, wired: redis.Redis, messages: list[list[int] | None]
):
    wired.flushdb()
    for seqs in messages:
        put_aside() if seqs is None else readable(*seqs)
    for _ in range(2):
        letters = held()
        redrives.begin(ada).go()
        ended = run()
        assert (ended.state, ended.letters, ended.tried) == ("ended", len(letters), len(letters))
        assert ended.stay == len(held()) == messages.count(None)
        assert ended.outcomes.get("accepted", 0) <= 6
    sent = [seq for seqs in messages if seqs is not None for seq in seqs]
    assert sorted(event.seq for event in logged()) == sorted(set(sent))


def test_page_shows_how_far_it_has_come_and_asks_again_until_it_has_ended(desk: Client, ada: User):
    for seq in (1, 2, 3):
        readable(seq)
    redriving = redrives.begin(ada)
    redriving.try_next()
    redriving.leave_word()
    whole = desk.get(PAGE).content.decode()
    part = desk.get(PAGE, headers=FRAGMENT).content.decode()
    for html in (whole, part):
        assert "ada redrives all: 1 of 3 letters tried. So far: 1 accepted." in html
        assert 'hx-trigger="every 500ms"' in html
        assert f'<a href="{PAGE}">Look again</a>' in html
        assert "Redrive all</button>" not in html
    assert "<html" not in part and "table" not in part
    redriving.go()
    part = desk.get(PAGE, headers=FRAGMENT).content.decode()
    assert "ada redrove all 3 at" in part
    assert "3 accepted." in part
    assert "every 500ms" not in part
    assert 'id="letters-held" hx-swap-oob' in part and "There are none." in part
    assert "redriven, all 3: 3 accepted" in part


def test_page_without_scripts_has_what_became_of_a_few_letters_at_once(desk: Client):
    readable()
    broken = put_aside()
    assert "tick the box" in desk.post(f"{PAGE}redrive/", follow=True).content.decode()
    assert (len(held()), written_down()) == (2, [])
    html = desk.post(f"{PAGE}redrive/", {"confirm": "yes"}, follow=True).content.decode()
    assert "1 accepted; 1 of the letters stays." in html
    assert held() == [broken]
    assert "Redrive all</button>" in html


def test_second_one_is_refused_while_the_first_goes_on_and_may_begin_after_it(desk: Client, ada: User):
    readable()
    first = redrives.begin(ada)
    with pytest.raises(AlreadyGoing):
        redrives.begin(ada)
    html = desk.post(f"{PAGE}redrive/", {"confirm": "yes"}, follow=True).content.decode()
    assert "Nothing was begun: all letters are being redriven already." in html
    assert written_down() == ["began to redrive all 1"]
    first.go()
    redrives.begin(ada).go()
    assert written_down() == ["redriven, all 1: 1 accepted", "redriven, all 0: nothing"]


def test_run_whose_process_ended_counts_as_broken_off_and_another_one_finishes_it(
    desk: Client, ada: User, wired: redis.Redis
):
    readable(1)
    readable(2)
    dead = redrives.begin(ada)
    dead.try_next()
    dead.leave_word()
    wired.delete(PLACE)  # as it expires
    html = desk.get(PAGE).content.decode()
    assert "redrove 1 of 2 when it broke off" in html
    assert "Redrive all</button>" in html
    redrives.begin(ada).go()
    assert (run().state, run().outcomes, len(logged())) == ("ended", {"accepted": 1}, 2)


def test_run_that_was_silent_for_too_long_leaves_the_place_to_the_one_that_began_since(ada: User, wired: redis.Redis):
    readable(1)
    silent = redrives.begin(ada)
    wired.delete(PLACE)
    second = redrives.begin(ada)
    silent.go()
    assert run().id == second.run.id
    second.go()
    assert (run().state, len(logged())) == ("ended", 1)
    assert written_down() == ["broke off after 1: 1 accepted", "redriven, all 1: 1 duplicate"]


def test_run_that_loses_redis_writes_down_how_far_it_came(ada: User, monkeypatch: pytest.MonkeyPatch):
    readable(1)
    readable(2)
    redriving = redrives.begin(ada)
    redriving.try_next()

    def gone(letter_id: str) -> bool:
        raise LogUnavailable("away")

    monkeypatch.setattr(wiring.event_log(), "drop_dead_letter", gone)
    redriving.go()
    assert written_down() == ["broke off after 1: 1 accepted"]
    assert run().state == "running"  # until its place is free: nobody could leave word


def test_letters_that_find_the_log_full_stay(ada: User, settings: Any):
    readable(1)
    settings.FRESHET_LOG_MAX_EVENTS = 0
    wiring.event_log.cache_clear()
    redrives.begin(ada).go()
    assert (run().outcomes, run().stay, len(held())) == ({"full": 1}, 1, 1)


def test_looking_does_not_allow_to_redrive(desk: Client, ada: User):
    letter: DeadLetter = readable()
    ada.user_permissions.remove(Permission.objects.get(codename="redrive_dead_letters"))
    assert desk.post(f"{PAGE}redrive/", {"confirm": "yes"}).status_code == 403
    assert "Redrive all</button>" not in desk.get(PAGE).content.decode()
    assert (held(), board().latest()) == ([letter], None)
