"""Whether the process lives, and whether a visitor would be served well."""

from typing import Any

import msgspec
import pytest
import redis
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.test import AsyncClient

from recsys.events import Click, ItemUpserted
from webapp import replication, wiring

FILM = ItemUpserted(event_time_ms=1, item="alien", title="Alien", categories=("Horror",), year=1_979)


@pytest.fixture
def stocked(wired: redis.Redis) -> None:
    """Give the replica a film to recommend."""
    wiring.replica().world.upsert_item(FILM)


async def ready() -> tuple[int, dict[str, Any]]:
    response = await AsyncClient().get("/readyz")
    return response.status_code, msgspec.json.decode(response.content)


async def test_process_that_lives_says_so_without_redis(without_redis: None):
    response = await AsyncClient().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_load_balancers_and_scrapers_may_ask_a_process_by_its_address(stocked: None, settings: Any, path: str):
    settings.ALLOWED_HOSTS = ["films.example"]
    assert (await AsyncClient().get(path, headers={"host": "10.0.0.5:8000"})).status_code == 200
    assert (await AsyncClient().get("/", headers={"host": "10.0.0.5:8000"})).status_code == 400


async def test_status_of_training_without_redis_is_one_line(without_redis: None):
    with pytest.raises(CommandError, match="Redis can't be reached"):
        await sync_to_async(call_command)("training_status")


async def test_replica_with_an_item_is_ready(stocked: None):
    status, said = await ready()
    assert (status, said["ready"], said["problems"], said["items"]) == (200, True, [], 1)


async def test_replica_without_items_is_not_ready(wired: redis.Redis):
    status, said = await ready()
    assert (status, said["ready"]) == (503, False)
    assert "no items" in said["problems"][0]


async def test_site_without_redis_is_not_ready_and_says_why(without_redis: None):
    wiring.replica().world.upsert_item(FILM)
    status, said = await ready()
    assert status == 503
    assert "Redis does not answer" in said["problems"][0]


async def test_redis_that_takes_nothing_is_not_ready_and_says_why(stocked: None, wired: redis.Redis):
    most = wired.config_get("maxmemory")["maxmemory"]
    wired.config_set("maxmemory", 1)
    try:
        status, said = await ready()
    finally:
        wired.config_set("maxmemory", most)
    assert status == 503
    assert "Redis takes nothing (command not allowed when used memory > 'maxmemory'" in said["problems"][0]
    assert (await ready())[0] == 200
    assert wired.keys("freshet:nowhere") == []


async def test_model_that_fell_behind_is_not_ready(stocked: None, settings: Any):
    settings.FRESHET_STALE_AFTER_S = 60
    replication.replication().behind_ms = 61_000
    status, said = await ready()
    assert status == 503
    assert "61 s behind" in said["problems"][0]


async def test_model_that_nobody_gave_anything_to_learn_is_never_behind(stocked: None):
    beat = await replication.replication().heartbeat()
    assert (beat.behind_ms, beat.items) == (0, 1)


async def test_event_that_waits_puts_the_replica_behind(stocked: None):
    wiring.event_log().append([Click(event_time_ms=1, session="s", item="alien")])
    oldest_ms = wiring.event_log().read("0-0", 1)[0].received_ms
    before_ms = wiring.clock().now_ms()
    beat = await replication.replication().heartbeat()
    assert before_ms - oldest_ms <= beat.behind_ms <= wiring.clock().now_ms() - oldest_ms
