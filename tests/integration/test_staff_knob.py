"""The knob: who may turn it, what it then does, and what the page says of that."""

from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from recsys.events import ItemUpserted
from tests.integration.staff_pages import allow, member, remember, text
from webapp import wiring
from webapp.analytics import turning
from webapp.analytics.samples import Sample
from webapp.training import services

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> User:
    return member(client, "view_knob")


@pytest.fixture
def turner(staff: User) -> User:
    allow(staff, "change_knob")
    return staff


def sample_at(at_ms: int, **changes: Any) -> Sample:
    fields: dict[str, Any] = {"events": 0, "impressions": 0, "clicks": 0, "lag_ms": 0, "every_ms": 500, "holder": "a"}
    return Sample(at_ms=at_ms, **{**fields, **changes})


def test_knob_is_for_those_who_may_turn_it(client: Client, staff: User, wired: redis.Redis):
    assert "not turn it" in text(client.get("/staff/knob/"))
    assert client.post("/staff/knob/", {"fold_every_ms": 2_000}).status_code == 403
    assert wiring.knobs().fold_every_ms == 500


def test_knob_takes_effect_without_restart(client: Client, turner: User, wired: redis.Redis):
    assert client.post("/staff/knob/", {"fold_every_ms": 2_000}).status_code == 302
    assert wiring.knobs().fold_every_ms == 2_000
    assert "The fold now runs every 2,000 ms." in text(client.get("/staff/knob/"))


@pytest.mark.parametrize("every_ms", ["49", "60001", "soon", ""])
def test_knob_says_what_it_can_not_be_turned_to(client: Client, turner: User, wired: redis.Redis, every_ms: str):
    response = client.post("/staff/knob/", {"fold_every_ms": every_ms})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert wiring.knobs().fold_every_ms == 500


def test_knob_without_redis_stays_and_says_so(client: Client, turner: User, without_redis: None):
    client.post("/staff/knob/", {"fold_every_ms": 2_000})
    assert "the knob stays where it was" in text(client.get("/staff/knob/"))


def test_knob_stays_where_redis_takes_nothing_and_says_so(client: Client, turner: User, full_redis: None):
    client.post("/staff/knob/", {"fold_every_ms": 2_000})
    assert "Redis takes nothing, so the knob stays where it was" in text(client.get("/staff/knob/"))


def test_turning_the_knob_is_written_down(client: Client, turner: User, wired: redis.Redis):
    client.post("/staff/knob/", {"fold_every_ms": 2_000})
    client.post("/staff/knob/", {"fold_every_ms": 250})
    page = text(client.get("/staff/knob/"))
    assert page.index("ada from 2000 to 250 ms") < page.index("ada from 500 to 2000 ms")


def test_knob_page_compares_before_and_after_the_last_turn(client: Client, staff: User, wired: redis.Redis):
    now_ms = wiring.clock().now_ms()
    slow = [
        sample_at(now_ms - 60_000 + at, every_ms=2_000, waited_ms=1_900, cpu_ms=at // 50) for at in (0, 5_000, 10_000)
    ]
    fast = [sample_at(now_ms - 40_000 + at, every_ms=250, waited_ms=240, cpu_ms=400 + at // 5) for at in (0, 5_000)]
    idle = sample_at(now_ms - 30_000, every_ms=250, waited_ms=0, cpu_ms=2_400)
    remember(wired, *slow, *fast, idle)
    page = text(client.get("/staff/knob/"))
    assert "240 ms before the last turn 1.9 s" in page
    assert "mean of the oldest in a run, of 2 samples that had one" in page
    assert "20.0 % before the last turn 2.0 %; of one processor, mean of 3 samples" in page
    lines = b"".join(client.get("/staff/knob/?csv=moments&m_sort=at_ms").streaming_content).decode().splitlines()
    assert [line.partition(",")[2] for line in lines[1:]] == [
        "2000.0,1900.0,", *["2000.0,1900.0,0.02"] * 2, "250.0,240.0,0.02", "250.0,240.0,0.2", "250.0,,0.2",
    ]  # fmt: skip
    fragment = client.get("/staff/knob/", headers={"HX-Request": "true", "HX-Target": "effect"}).content.decode()
    assert "What it costs and brings" in fragment
    assert "<html" not in fragment


def test_stretch_in_which_another_worker_took_over_claims_no_processor_time(wired: redis.Redis):
    (stretch,) = turning.stretches([sample_at(0, holder="a", cpu_ms=9_000), sample_at(5_000, holder="b", cpu_ms=10)])
    assert stretch.cpu is None


def test_fold_tells_how_long_the_oldest_event_waited_and_what_it_cost(wired: redis.Redis):
    wiring.event_log().append([ItemUpserted(event_time_ms=1, item="1", title="Alien")])
    told = services.fold()
    assert told is not None
    assert 0 < told.waited_ms < 60_000
    assert told.cpu_ms > 0
    again = services.fold()
    assert again is not None
    assert again.waited_ms == 0
    services.release()
