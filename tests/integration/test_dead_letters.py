"""Dead letters: kept with what they need, tried again once, and every act written down."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from recsys.clock import ManualClock
from recsys.errors import LogUnavailable
from recsys.events import Click, Dwell, ItemUpserted
from recsys.log.base import DEAD_LETTER_BYTES
from tests.integration.putting_aside import held, logged, now_ms, page, put_aside, readable
from tests.integration.staff_pages import allow, text
from tests.unit.tracking.pages import ITEMS, Page
from webapp import wiring
from webapp.tracking import services
from webapp.tracking.edge import Edge
from webapp.tracking.rates import RateLimit
from webapp.tracking.redriving import NotRedrivable, judge, redrive
from webapp.tracking.refusals import Ledger
from webapp.tracking.services import Intake
from webapp.tracking.validation import MAX_AGE_MS

PAGE = "/staff/dead-letters/"
ACTIONS = ("redrive_dead_letters", "discard_dead_letters")


@pytest.fixture
def intake(wired: redis.Redis) -> Intake:
    clock, log = ManualClock(now_ms()), wiring.async_event_log()
    return Intake(log, clock, frozenset(ITEMS), Ledger(wiring.async_redis(), log), RateLimit(10, 20), Edge(clock))


def dwell(given: Page, seq: int, item: str) -> dict[str, object]:
    return given.event(seq, kind="dwell", item=item, slate="", dwell_ms=5_000)


async def test_event_about_an_unknown_item_enters_once_the_catalogue_knows_it(intake: Intake):
    given = page()
    await intake.accept(given.batch(dwell(given, 7, "jaws")), "session")
    (letter,) = held()
    with pytest.raises(NotRedrivable, match=r"refused again: unknown_item \(1\)"):
        redrive(letter, wiring.event_log(), ITEMS, now_ms())
    assert held() == [letter]
    redriven = redrive(letter, wiring.event_log(), [*ITEMS, "jaws"], now_ms())
    (event,) = logged()
    assert isinstance(event, Dwell)
    assert (event.session, event.seq, event.item) == (given.session, 7, "jaws")
    assert event.event_time_ms == letter.received_ms - 250
    assert (redriven.outcomes, redriven.gone, held()) == ({"accepted": 1}, True, [])


async def test_redriven_twice_at_once_it_is_in_the_log_once(intake: Intake):
    given = page()
    await intake.accept(given.batch(dwell(given, 7, "jaws")), "session")
    (letter,) = held()
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(redrive, letter, wiring.event_log(), [*ITEMS, "jaws"], now_ms()) for _ in range(8)]
    outcomes = sorted(next(iter(each.result().outcomes)) for each in done)
    assert outcomes == ["accepted", *["duplicate"] * 7]
    assert len(logged()) == 1


async def test_redriven_after_the_answer_got_lost_it_is_in_the_log_once(intake: Intake):
    given = page()
    await intake.accept(given.batch(dwell(given, 7, "jaws")), "session")
    (letter,) = held()
    log = wiring.event_log()
    log.append(judge(letter, [*ITEMS, "jaws"], now_ms()).events)
    assert redrive(letter, log, [*ITEMS, "jaws"], now_ms()).outcomes == {"duplicate": 1}
    assert (len(logged()), held()) == (1, [])


async def test_message_that_newer_code_reads_enters_whole(intake: Intake):
    """What an old process took for no batch at all, as it stands in the log's dead letters."""
    given = page()
    message = {
        "type": "events",
        "id": 1,
        "session": given.token,
        "slates": {given.slate: given.slate_token},
        "events": [given.event(1), given.event(2, item="jaws")],
    }
    wiring.event_log().append_dead_letter(msgspec.json.encode(message), "undecodable")
    (letter,) = held()
    assert redrive(letter, wiring.event_log(), ITEMS, now_ms()).outcomes == {"accepted": 1, "refused: not_shown": 1}
    assert [type(event) for event in logged()] == [Click]


async def test_letter_stays_while_the_log_is_full(intake: Intake, settings: Any):
    given = page()
    await intake.accept(given.batch(dwell(given, 7, "jaws")), "session")
    settings.FRESHET_LOG_MAX_EVENTS = 1
    wiring.event_log.cache_clear()
    wiring.event_log().append([ItemUpserted(event_time_ms=1, item="1", title="Alien")])
    (letter,) = held()
    redriven = redrive(letter, wiring.event_log(), [*ITEMS, "jaws"], now_ms())
    assert (redriven.outcomes, redriven.gone, held()) == ({"full": 1}, False, [letter])


@pytest.mark.parametrize(
    ("payload", "reason", "context", "why"),
    [
        (b"\xff\x00", "undecodable", b"", "still can't be read"),
        (b"x" * (DEAD_LETTER_BYTES + 1), "undecodable", b"", "only the first"),
        (b'{"type":"click"}', "bad_event", b"", "tokens that came with the event"),
        (b'{"type":"click"}', "bad_event", b'{"session":"forged","slates":{}}', "not to be believed"),
    ],
)
def test_letter_that_can_not_enter_says_why(wired: redis.Redis, payload: bytes, reason: str, context: bytes, why: str):
    wiring.event_log().append_dead_letter(payload, reason, context)
    with pytest.raises(NotRedrivable, match=why):
        redrive(held()[0], wiring.event_log(), ITEMS, now_ms())
    assert (len(held()), logged()) == (1, [])


async def test_letter_older_than_the_logs_memory_of_numbers_is_not_counted_twice(intake: Intake):
    given = page()
    await intake.accept(given.batch(dwell(given, 7, "jaws")), "session")
    with pytest.raises(NotRedrivable, match="could count twice"):
        redrive(held()[0], wiring.event_log(), [*ITEMS, "jaws"], now_ms() + MAX_AGE_MS)


def test_letter_of_a_visitor_who_lets_nothing_be_kept_never_enters(wired: redis.Redis):
    silent = Page(consent="off", at_ms=now_ms())
    batch = silent.batch()
    wiring.event_log().append_dead_letter(msgspec.json.encode(silent.event(1)), "bad_event", batch.context())
    with pytest.raises(NotRedrivable, match="nothing be kept"):
        redrive(held()[0], wiring.event_log(), ITEMS, now_ms())


async def test_session_that_is_forgotten_leaves_no_letter_behind(intake: Intake):
    mine, theirs = page(), page("session-2")
    for given in (mine, theirs):
        await intake.accept(given.batch(dwell(given, 7, "jaws"), {"type": "click"}), "session")
    wiring.event_log().append_dead_letter(b"nobody can tell whose", "undecodable")
    assert len(held()) == 5
    await services.forget(mine.session)
    left = held()
    assert len(left) == 3
    assert judge(left[0], [*ITEMS, "jaws"], now_ms()).events[0].session == theirs.session


# -- The pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(client: Client, db: None, wired: redis.Redis) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    allow(user, "view_dead_letters")
    client.force_login(user)
    return user


def test_without_letters_the_page_says_what_would_come_here(client: Client, staff: User):
    assert "There are none." in text(client.get(PAGE))


def test_bytes_are_shown_harmless(client: Client, staff: User):
    letter = put_aside()
    html = client.get(f"{PAGE}{letter.id}/").content.decode()
    assert "<script>\x00" not in html
    assert "7b 22 73 65 71 22 3a 20 3c 73 63 72 69 70 74 3e" in html
    assert "&lt;script&gt;" in html
    assert "still can&#x27;t be read" in html


def test_letter_that_is_gone_is_not_found_and_the_page_says_why(client: Client, staff: User):
    response = client.get(f"{PAGE}5-0/")
    assert response.status_code == 404
    assert "There is no dead letter 5-0: it was redriven, discarded, or made room for newer ones." in text(response)


def test_looking_does_not_allow_to_act(client: Client, staff: User):
    letter = readable()
    paths = [f"{PAGE}{letter.id}/redrive/", f"{PAGE}{letter.id}/discard/", f"{PAGE}redrive/"]
    assert {client.post(path, {"confirm": "yes"}).status_code for path in paths} == {403}
    assert (held(), logged(), LogEntry.objects.count()) == ([letter], [], 0)
    assert "<form" not in client.get(f"{PAGE}{letter.id}/").content.decode().split('id="main"')[1]


@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_acts_can_not_be_forged_from_elsewhere_nor_by_a_link(staff: User, action: str):
    allow(staff, *ACTIONS)
    letter = readable()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff)
    assert strict.post(f"{PAGE}{letter.id}/{action}/", {"confirm": "yes"}).status_code == 403
    assert strict.get(f"{PAGE}{letter.id}/{action}/").status_code == 405
    assert held() == [letter]


def test_redriven_letter_is_in_the_log_and_who_did_it_is_written_down(client: Client, staff: User):
    allow(staff, *ACTIONS)
    letter = readable()
    response = client.post(f"{PAGE}{letter.id}/redrive/", follow=True)
    assert "Redriven: 1 accepted." in text(response)
    assert (len(logged()), held()) == (1, [])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (staff, letter.id, "redriven: 1 accepted")
    assert "ada redriven: 1 accepted" in text(response)


def test_letter_that_can_not_enter_stays_and_nothing_is_written_down(client: Client, staff: User):
    allow(staff, *ACTIONS)
    letter = put_aside()
    assert "Not redriven, the letter stays" in text(client.post(f"{PAGE}{letter.id}/redrive/", follow=True))
    assert (held(), LogEntry.objects.count()) == ([letter], 0)


def test_discarding_needs_a_confirmation_and_is_written_down(client: Client, staff: User):
    allow(staff, *ACTIONS)
    letter = put_aside()
    assert "tick the box" in text(client.post(f"{PAGE}{letter.id}/discard/", follow=True))
    assert held() == [letter]
    assert "Discarded." in text(client.post(f"{PAGE}{letter.id}/discard/", {"confirm": "yes"}, follow=True))
    assert held() == []
    assert LogEntry.objects.get().change_message == "discarded: undecodable, 17 bytes"


def test_without_redis_the_pages_say_so(client: Client, staff: User, without_redis: None):
    allow(staff, *ACTIONS)
    for path in (PAGE, f"{PAGE}5-0/"):
        response = client.get(path)
        assert response.status_code == 503
        assert "Redis can't be reached" in text(response)
    with pytest.raises(LogUnavailable):
        held()
