"""Bringing simulated visitors: by whom, where, how many, and that they leave."""

import asyncio
import subprocess
import time
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from recsys.events import Click, SessionEvent
from recsys.simulation.factors import unknown
from recsys.simulation.market import Market
from recsys.world import World
from tests.integration.feed.conftest import address, empty_site, logged, stocked
from tests.integration.staff_pages import allow, text
from tests.patience import PROCESS_PATIENCE_S
from webapp import wiring
from webapp.visitors import services
from webapp.visitors.crowd import Crowd
from webapp.visitors.management.commands import bring_visitors
from webapp.visitors.management.commands.bring_visitors import visited
from webapp.visitors.services import Run

__all__ = ["address", "empty_site", "stocked"]

PAGE = "/staff/visitors/"


@pytest.fixture
def host(client: Client, wired: redis.Redis, settings: Any, monkeypatch: pytest.MonkeyPatch, db: None) -> User:
    """Somebody who may bring visitors, to a site that takes them; processes are noted instead of started."""
    settings.FRESHET_SIMULATED_VISITORS = True
    user = User.objects.create_user("ada", password="countess", is_staff=True)
    allow(user, "bring_visitors")
    client.force_login(user)
    return user


class Started(list[list[str]]):
    """Commands that would have been started."""

    def __call__(self, command: list[str], **_: Any) -> "Started":
        self.append(command)
        return self

    def poll(self) -> None:
        return None


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    monkeypatch.setattr(subprocess, "Popen", found)
    return found


def running(**changes: Any) -> Run:
    now_ms = wiring.clock().now_ms()
    fields = {"id": "r", "by": "ada", "rate": 20.0, "begins_ms": now_ms - 60_000, "ends_ms": now_ms + 60_000}
    return Run(**{**fields, **changes})


def told(command: list[str]) -> str:
    """Return the run that a process which is started like this takes for its own."""
    words = command[command.index("bring_visitors") + 1 :]
    return str(bring_visitors.Command().create_parser("manage.py", "bring_visitors").parse_args(words).run)


def test_page_asks_who_you_are_and_what_you_may(client: Client, host: User):
    assert client.get(PAGE).status_code == 200
    host.user_permissions.clear()
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"rate": 5, "minutes": 1}).status_code == 403
    assert client.post(f"{PAGE}send-away/").status_code == 403


def test_site_that_takes_none_says_so_and_starts_nothing(client: Client, host: User, started: Started, settings: Any):
    settings.FRESHET_SIMULATED_VISITORS = False
    assert "takes no simulated visitors" in text(client.get(PAGE))
    assert "Nobody was let in" in text(client.post(PAGE, {"rate": 5, "minutes": 1}, follow=True))
    assert started == []


def test_visitors_are_brought_once_at_a_time(client: Client, host: User, started: Started):
    assert "They are on their way" in text(client.post(PAGE, {"rate": 5, "minutes": 2}, follow=True))
    run = services.board().latest()
    assert run is not None
    assert (run.by, run.rate, run.ends_ms - run.begins_ms) == ("ada", 5.0, 120_000)
    assert told(started[0]) == run.id
    assert "are here already" in text(client.post(PAGE, {"rate": 5, "minutes": 2}, follow=True))
    assert len(started) == 1


def test_run_whose_id_begins_like_an_option_is_told_to_its_process(started: Started, host: User, monkeypatch: Any):
    monkeypatch.setattr(services.secrets, "token_urlsafe", lambda nbytes: "-x4_r7Qe")
    run = services.bring(5.0, 2.0, "ada")
    assert told(started[0]) == run.id == "-x4_r7Qe"


@pytest.mark.parametrize(
    "wrong", [{"rate": 0, "minutes": 5}, {"rate": 5_000, "minutes": 5}, {"rate": 5, "minutes": 600}, {}]
)
def test_what_is_out_of_bounds_is_refused_where_it_was_said(client: Client, host: User, started: Started, wrong: Any):
    response = client.post(PAGE, wrong)
    assert response.status_code == 422
    assert started == []


def test_who_brought_visitors_and_who_sent_them_away_is_written_down(client: Client, host: User, started: Started):
    client.post(PAGE, {"rate": 5, "minutes": 2})
    run = services.board().latest()
    assert run is not None
    services.board().post(msgspec.structs.replace(run, state="running", events=1_234))
    other = User.objects.create_user("grace", is_staff=True)
    allow(other, "bring_visitors")
    client.force_login(other)
    client.post(f"{PAGE}send-away/")
    page = text(client.get(PAGE))
    assert page.index("grace sent away after 1,234 events") < page.index("ada brought, 5 events a second for 2 min")
    entries = LogEntry.objects.order_by("action_time")
    assert [entry.object_id for entry in entries] == [run.id] * 2
    assert [entry.is_deletion() for entry in entries] == [False, True]


def test_nothing_is_written_down_where_nothing_was_done(client: Client, host: User, started: Started):
    services.board().claim(running())
    client.post(PAGE, {"rate": 5, "minutes": 2})
    services.board().post(running(state="ended"))
    client.post(f"{PAGE}send-away/")
    assert not LogEntry.objects.exists()


def test_page_shows_progress_and_asks_them_to_leave(client: Client, host: User):
    services.board().post(running(state="running", visitors=7, events=1_234, clicks=98, visits=9))
    shown = text(client.get(PAGE))
    assert "7 are here" in shown
    assert "1,234 events" in shown and "98 clicks" in shown
    assert "They are leaving" in text(client.post(f"{PAGE}send-away/", follow=True))
    assert services.board().is_asked_to_stop("r")
    assert not services.board().is_asked_to_stop("another")


def test_fragment_is_what_moves_and_no_more(client: Client, host: User):
    fragment = client.get(PAGE, headers={"HX-Request": "true", "HX-Target": "crowd"}).content.decode()
    assert "Nobody is here" in fragment
    assert "<html" not in fragment


def test_failure_of_the_last_visitors_is_told(client: Client, host: User):
    services.board().post(running(state="failed", failure="http://127.0.0.1:1: refused"))
    assert "gave up after 0 events: http://127.0.0.1:1: refused" in text(client.get(PAGE))


def test_page_says_whether_the_model_learns_from_them(client: Client, host: User, settings: Any):
    settings.FRESHET_LEARN_FROM_SIMULATED = True
    assert "learns from them" in text(client.get(PAGE))
    settings.FRESHET_LEARN_FROM_SIMULATED = False
    assert "does not learn from them" in text(client.get(PAGE))


def test_page_without_redis_says_so(client: Client, host: User, without_redis: None):
    response = client.get(PAGE)
    assert response.status_code == 503
    assert "Redis can't be reached" in text(response)


def test_nobody_is_let_in_while_redis_is_full_and_that_is_said(
    client: Client, host: User, started: Started, full_redis: None
):
    client.post(PAGE, {"rate": 5, "minutes": 2})
    assert "Redis takes nothing, so nobody was let in." in text(client.get(PAGE))
    assert started == []
    with pytest.raises(CommandError, match=r"Redis takes nothing \(.*'maxmemory'.*\): has it room\?"):
        call_command("bring_visitors")


def test_command_without_redis_says_so(without_redis: None, settings: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    with pytest.raises(CommandError, match=r"Redis can't be reached \(.*\): is the site running\?"):
        call_command("bring_visitors")


def test_command_refuses_where_the_site_does(wired: redis.Redis, settings: Any):
    settings.FRESHET_SIMULATED_VISITORS = False
    with pytest.raises(CommandError, match="FRESHET_SIMULATED_VISITORS=1"):
        call_command("bring_visitors")


async def test_crowd_does_on_the_real_site_what_visitors_do(address: str, settings: Any, monkeypatch: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    # The site answers from this event loop, which compiling its loops for the first time may hold up.
    monkeypatch.setattr("webapp.visitors.crowd._ANSWER_S", PROCESS_PATIENCE_S)
    crowd = Crowd(address, lambda: Market(unknown(), 1, eagerness=4.0), rate=40.0, size=4)

    def sessions() -> set[str]:
        return {event.session for event in logged(SessionEvent) if event.seq}

    visiting = asyncio.create_task(crowd.run(time.monotonic() + PROCESS_PATIENCE_S))
    while not visiting.done() and (crowd.events <= 20 or crowd.clicks <= 2 or len(sessions()) < 4):
        await asyncio.sleep(0.05)
    crowd.leave()
    await visiting
    events = [event for event in logged(SessionEvent) if event.seq]
    assert len(events) == crowd.events > 20
    assert len(logged(Click)) == crowd.clicks > 2
    assert all(event.simulated for event in logged(SessionEvent))
    assert len(sessions()) >= 4
    assert crowd.visitors == 0


async def test_crowd_leaves_when_its_time_is_over(address: str, settings: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    crowd = Crowd(address, lambda: Market(unknown(), 1), rate=0.01, size=1)
    await crowd.run(time.monotonic() + 0.2)
    assert crowd.is_leaving
    assert crowd.visitors == 0


async def test_run_ends_when_it_is_told_to(address: str, settings: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    settings.FRESHET_PORT = int(address.rpartition(":")[2])
    run, board = running(rate=5.0), services.board()
    board.ask_to_stop(run.id)
    done = await visited(board, run)
    assert done.state == "stopped"
    assert board.latest() == done


async def test_run_at_a_site_that_is_not_there_fails_and_says_so(wired: redis.Redis, settings: Any, monkeypatch: Any):
    settings.FRESHET_PORT = 1
    monkeypatch.setattr("webapp.visitors.crowd._PAUSE_S", 0.01)
    done = await visited(services.board(), running(rate=5.0))
    assert done.state == "failed"
    assert "127.0.0.1:1" in done.failure


@pytest.fixture
def https(settings: Any) -> None:
    """What FRESHET_HTTPS sets."""
    settings.FRESHET_HTTPS = settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


async def test_run_at_a_site_that_insists_on_https_gets_in(https: None, address: str, settings: Any, monkeypatch: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    settings.FRESHET_PORT = int(address.rpartition(":")[2])
    monkeypatch.setattr("webapp.visitors.crowd._PAUSE_S", 0.01)
    run, board = running(rate=1.0), services.board()
    visiting = asyncio.create_task(visited(board, run))
    while not visiting.done() and not (board.latest() or run).visitors:
        await asyncio.sleep(0.05)
    board.ask_to_stop(run.id)
    assert (await visiting).state == "stopped"


async def test_run_at_a_site_without_items_fails_and_says_so(address: str, settings: Any, monkeypatch: Any):
    settings.FRESHET_SIMULATED_VISITORS = True
    settings.FRESHET_PORT = int(address.rpartition(":")[2])
    wiring.replica().world = World(wiring.config())
    monkeypatch.setattr("webapp.visitors.crowd._PAUSE_S", 0.01)
    done = await visited(services.board(), running(rate=1.0))
    assert done.state == "failed"
    assert "has the site any items?" in done.failure


def test_visitors_who_fell_silent_are_told_of_and_others_may_come(
    client: Client, host: User, started: Started, wired: redis.Redis
):
    services.board().post(running(state="running", events=1_234))
    wired.delete("freshet:visitors:place")  # as it expires
    page = text(client.get(PAGE))
    assert "Nothing was heard any more of the last visitors after 1,234 events" in page
    assert "They are on their way" in text(client.post(PAGE, {"rate": 5, "minutes": 2}, follow=True))
