"""Locust's users: visitors who do what people and the tracker do, and bots that do what nobody should."""

import json
import random
import time
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import gevent
from locust import FastHttpUser, task
from locust.exception import StopUser

from loadtest.connection import WITH_LENS, WITHOUT_LENS, Connection, arm_of
from loadtest.run import Run
from loadtest.websocket import ConnectionLost, WebSocket
from recsys.simulation.visitors import Action, SimulatedVisit
from webapp.visitors.outbox import Outbox
from webapp.visitors.pages import FOLLOWING, FOR_YOU, Page, Part, Shelf, UnreadablePage, read_page, read_part

#: Cards that come on screen together, and are told in one message.
ROW: Final = 6
#: A visitor who is late does not make up for more than this, in seconds.
CATCH_UP_S: Final = 2.0
HEADERS: Final = {"Freshet-Simulated": "1", "Cookie": "freshet_consent=session"}


class Visitor(FastHttpUser):
    """Opens the front page, looks at its lists from the top, clicks, follows the slate, leaves, and is another one."""

    def on_start(self) -> None:
        """Find the run, which all users share."""
        self.run_of: Run = self.environment.freshet_run

    @task
    def visit(self) -> None:
        """Make one visit."""
        run = self.run_of
        if run.over():
            gevent.sleep(1.0)
            return
        number = run.next_visitor()
        self._random = random.Random(f"{run.market.seed}/{number}")
        self._simulated = SimulatedVisit(run.market, number)
        # Locust starts users once a second: at the same pace, they would all click at the same moment of each second.
        gevent.sleep(self._random.uniform(0.0, run.seconds_per_event))
        page = self._open()
        if page is None:
            gevent.sleep(1.0)
            return
        ends_s = run.recorder.now_s() + self._random.expovariate(1.0 / run.scenario.visit_s)
        self._due = time.perf_counter()
        try:
            self._browse(page, min(ends_s, run.ends_s))
        finally:
            self._connection.close()

    def _open(self) -> Page | None:
        """Get the front page and connect; None, counted, when that fails."""
        recorder = self.run_of.recorder
        self.client.cookiejar.clear()
        started = time.perf_counter()
        response = self.client.get("/", headers=HEADERS, name="page")
        recorder.page(1_000 * (time.perf_counter() - started))
        if response.status_code != 200:
            recorder.errors[f"page answered {response.status_code}"] += 1
            return None
        try:
            page = read_page(response.text or "")
        except UnreadablePage:
            recorder.errors["unreadable page"] += 1
            return None
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookiejar)
        self._headers = {**HEADERS, "Cookie": f"{HEADERS['Cookie']}; {cookies}"}
        outbox = Outbox(page.session, page.token)
        surfaces = WITH_LENS if self._random.random() < self.run_of.lens else WITHOUT_LENS
        self._connection = Connection(self.run_of.site, self._headers, outbox, recorder, surfaces)
        return page if self._connected() else None

    def _more(self, path: str) -> Part:
        """Get what follows on the page; nothing, counted, when that fails."""
        recorder = self.run_of.recorder
        response = self.client.get(path, headers={**self._headers, **FOLLOWING}, name="more genres")
        if response.status_code != 200:
            recorder.errors[f"more genres answered {response.status_code}"] += 1
            return Part([], "")
        return read_part(response.text or "")

    def _connected(self) -> bool:
        try:
            self._connection.open()
        except ConnectionLost as lost:
            self.run_of.recorder.errors[f"no connection ({lost.code})"] += 1
            return False
        return True

    def _browse(self, page: Page, ends_s: float) -> None:
        """Look at the slate after each change of it; while it stays, at the other lists of the page in turn."""
        self._part, self._shown = page.part, page.part.shelves
        others = self._others()
        shelf = page.own
        while self.run_of.recorder.now_s() < ends_s:
            if self._look(shelf) and not self.run_of.over():
                self._connection.wait_for_slate()
                shelf, others = self._connection.slate or shelf, self._others()
                continue
            following = next(others, None)
            if following is None:
                others = self._others()
                following = next(others, shelf)
            shelf = following

    def _others(self) -> Iterator[Shelf]:
        """Yield the other lists of the page from its top, then what follows each time its end is reached."""
        yield from [one for one in self._shown if one.surface != FOR_YOU]
        while self._part.more:
            self._part = self._more(self._part.more)
            self._shown = [*self._shown, *self._part.shelves]
            yield from self._part.shelves

    def _look(self, shelf: Shelf) -> bool:
        """Look at a list; return whether something on it was clicked."""
        before = self._simulated.clicks
        actions = self._simulated.look(shelf.items)
        clicked = self._simulated.clicks > before
        if shelf.surface == FOR_YOU:
            self.run_of.recorder.look(arm_of(shelf), before, clicked=clicked)
        self._act(shelf, actions)
        return clicked

    def _act(self, shelf: Shelf, actions: list[Action]) -> None:
        """Do it at the run's pace: the visitor's own times, stretched to what the events may take."""
        natural_ms = sum(action.after_ms for action in actions) or 1
        stretch = len(actions) * self.run_of.seconds_per_event / natural_ms
        for (kind, _), group in groupby(actions, key=lambda action: (action.kind, action.position // ROW)):
            together = list(group)
            self._wait(stretch * sum(action.after_ms for action in together))
            if self.run_of.over():
                return
            for action in together:
                self._connection.record(kind, shelf, shelf.items[action.position], action.dwell_ms)
            self._stay_connected()
            self._connection.flush()

    def _wait(self, seconds: float) -> None:
        now_s, left_s = time.perf_counter(), self.run_of.ends_s - self.run_of.recorder.now_s()
        self._due = max(self._due + seconds, now_s - CATCH_UP_S)
        gevent.sleep(max(min(self._due - now_s, left_s), 0.0))

    def _stay_connected(self) -> None:
        """Lose the connection where the scenario says so, and come back after a while wherever it was lost."""
        every_s = self.run_of.scenario.drop_every_s
        if self._connection.silent_s() > 10.0:
            self.run_of.recorder.errors["no acknowledgement"] += 1
            self._connection.drop()
        elif every_s and self._random.random() < self.run_of.seconds_per_event * ROW / every_s:
            self._connection.drop()
        if self._connection.lost:
            gevent.sleep(self._random.uniform(0.25, 4.0))
            self._connected()


class Bot(FastHttpUser):
    """Sends what no browser would: no batch at all, forged signatures, what was not shown, and too much of it."""

    weight = 0

    @task
    def misbehave(self) -> None:
        """Connect without a page, and send one of those every second."""
        run: Run = self.environment.freshet_run
        if run.over():
            raise StopUser
        try:
            socket = WebSocket(run.site, "/ws/", {})
        except ConnectionLost:
            gevent.sleep(1.0)
            return
        try:
            for text in random.sample(_NONSENSE, len(_NONSENSE)):
                socket.send(text)
                gevent.sleep(1.0)
        except ConnectionLost:
            gevent.sleep(1.0)
        finally:
            socket.abort()


def _nonsense(**changes: Any) -> str:
    event = {"type": "click", "seq": 1, "slate": "none", "item": "1", "age_ms": 0}
    return json.dumps({"type": "events", "id": 1, "session": "x.y", "slates": {}, "events": [event], **changes})


_NONSENSE: Final = (
    "GET / HTTP/1.1",
    _nonsense(),
    _nonsense(slates={"none": "forged.token"}),
    _nonsense(events=[{"type": "impression", "seq": seq, "slate": "none", "item": "1"} for seq in range(1, 150)]),
    _nonsense(events=[{"seq": -5}, "what?"]),
)
