"""The models page, over versions that a real writer saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client

from recsys.config import EngineConfig
from recsys.events import Click, Impression, ItemUpserted, SlateServed
from recsys.inspection import portrait
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.store.base import Keeping, Manifest
from tests.integration.staff_pages import text
from webapp import wiring
from webapp.analytics import versions
from webapp.training import services

pytestmark = pytest.mark.django_db

PAGE = "/staff/models/"
ITEMS = tuple(str(number) for number in range(6))


@pytest.fixture
def staff(client: Client, wired: redis.Redis) -> User:
    versions._portrait_of.cache_clear()
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_models"))
    client.force_login(user)
    return user


def visit(session: str, chosen: str) -> None:
    """Let a visitor see all items and click one."""
    now_ms = wiring.clock().now_ms()
    shown: dict[str, Any] = {"session": session, "slate": session}
    wiring.event_log().append(
        [
            SlateServed(event_time_ms=now_ms, surface="trending", items=ITEMS, **shown),
            *(
                Impression(event_time_ms=now_ms, seq=seq, item=item, position=seq - 1, **shown)
                for seq, item in enumerate(ITEMS, start=1)
            ),
            Click(event_time_ms=now_ms, seq=99, item=chosen, position=int(chosen), **shown),
        ]
    )


@pytest.fixture
def three_versions(staff: User, monkeypatch: pytest.MonkeyPatch) -> list[Manifest]:
    """Three versions, newest first: the catalogue, then two visits that chose film 3, then one that chose film 5."""
    log = wiring.event_log()
    log.append([ItemUpserted(event_time_ms=1, item=item, title=f"Film {item}", year=1_990) for item in ITEMS])
    for sessions in ((), ("a", "b"), ("c",)):
        for session in sessions:
            visit(session, "5" if session == "c" else "3")
        services.writer().run()
        services.writer().save()
    services.release()
    return list(versions.versions())


def test_without_versions_the_page_says_when_the_first_will_come(client: Client, staff: User):
    assert "No version yet" in text(client.get(PAGE))


def test_page_is_for_those_who_may_see_it(client: Client, wired: redis.Redis):
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(PAGE).status_code == 403


def test_newest_version_is_compared_with_its_parent(client: Client, three_versions: list[Manifest]):
    newest, middle, _ = three_versions
    response = client.get(PAGE)
    assert (response.context["earlier"], response.context["later"]) == (middle, newest)
    assert newest.sha256[:12] in text(response)
    assert response.content.decode().count('class="lineage"') == 1
    assert "Film 5" in text(response)


def test_what_was_chosen_appeals_more_and_what_was_passed_over_less(three_versions: list[Manifest]):
    newest, middle, first = three_versions
    moved = {change.item: change.after - (change.before or 0.0) for change in versions.compare(middle, newest).appeals}
    assert moved["5"] > 0 > moved["3"]
    assert {change.item for change in versions.compare(first, middle).appeals} == set(ITEMS)


def test_weights_move_by_standard_deviations_and_the_most_moved_comes_first(
    client: Client, three_versions: list[Manifest]
):
    newest, _, first = three_versions
    changes = {change.name: change for change in versions.compare(first, newest).weights}
    position = changes["position"]
    assert position.moved == pytest.approx(abs(position.after - position.before) / position.deviation_before)
    response = client.get(PAGE, {"earlier": first.sha256[:12], "later": newest.sha256[:12]})
    shown = [change.moved for change in response.context["weights"].page]
    assert shown == sorted(shown, reverse=True)
    assert response.context["moved"].moved == shown[0] > 0


def test_only_items_that_moved_by_more_than_a_tenth_of_a_deviation_are_counted_and_listed(
    client: Client, three_versions: list[Manifest]
):
    changes = versions.compare(three_versions[2], three_versions[1]).appeals
    response = client.get(PAGE, {"earlier": three_versions[2].sha256[:12], "later": three_versions[1].sha256[:12]})
    assert all(change.moved > 0.1 for change in changes)
    assert f"{len(changes)} items moved in appeal by more than a tenth of its standard deviation" in text(response)
    assert response.context["appeals"].total == len(changes)


def test_appeal_that_only_faded_did_not_move(three_versions: list[Manifest]):
    learner = Learner.from_snapshot(wiring.config(), wiring.snapshots().load(three_versions[0].sha256))
    before = portrait(learner.world)
    later_ms = learner.world.now_ms + 60_000
    far = SlateServed(event_time_ms=later_ms, session="z", slate="z", surface="trending", items=ITEMS)
    learner.fold([Record(f"{later_ms}-0", far, b"")])
    after = portrait(learner.world)
    assert np.flatnonzero(before.appeal != after.appeal).size
    assert versions.appeal_changes(before, after) == []


def test_items_that_changed_rows_when_others_were_let_go_are_compared_with_themselves():
    learner = Learner(EngineConfig(most_items=8))
    shown = tuple(str(number) for number in range(8))
    items = [ItemUpserted(event_time_ms=1, item=item, title=f"Film {item}") for item in shown]
    slate: dict[str, Any] = {"event_time_ms": 2, "session": "s", "slate": "s"}
    visit = [
        SlateServed(surface="trending", items=shown, **slate),
        *(Impression(seq=place, item=shown[place], position=place, **slate) for place in range(1, 8)),
        Click(seq=9, item="7", position=7, **slate),
    ]
    learner.fold([Record(f"{at_ms}-0", event, b"") for at_ms, event in enumerate([*items, *visit], start=1)])
    before = portrait(learner.world)
    learner.fold([Record("99-0", ItemUpserted(event_time_ms=3, item="new", title="New"), b"")])
    after = portrait(learner.world)
    assert after.items.index("7") < before.items.index("7")
    assert np.ptp(before.appeal) > 0
    assert versions.appeal_changes(before, after) == []
    told = {change.item: change.before for change in versions.appeal_changes(after, before)}
    assert set(told) <= set(before.items) - set(after.items) and set(told.values()) <= {None}


def test_version_compared_with_itself_moved_nothing(client: Client, three_versions: list[Manifest]):
    same = three_versions[0].sha256[:12]
    response = client.get(PAGE, {"earlier": same, "later": same})
    assert "No weight moved" in text(response)
    assert "No item moved in appeal by more than a tenth of its standard deviation" in text(response)


def test_version_whose_parent_was_thinned_out_is_compared_with_the_nearest_before(
    client: Client, three_versions: list[Manifest]
):
    for _ in range(2):
        visit("d", "1")
        services.writer().run()
        services.writer().save()
    services.release()
    wiring.snapshots().prune(Keeping(newest=2, total_bytes=0))
    newest, oldest_of_the_newest, first = versions.versions()
    response = client.get(PAGE, {"later": oldest_of_the_newest.sha256[:12]})
    assert response.context["earlier"] == first != three_versions[0]
    assert f"came from {three_versions[0].sha256[:12]}, which the store no longer holds" in text(response)
    drawn = response.content.decode()
    assert drawn.count('stroke-dasharray="3 5"') == 1
    assert "no longer held" not in drawn
    assert "no longer holds" not in text(client.get(PAGE))
    assert newest.parent == oldest_of_the_newest.sha256


def test_version_that_the_store_does_not_have_is_named(client: Client, three_versions: list[Manifest]):
    response = client.get(PAGE, {"later": "feedbeef"})
    assert response.status_code == 404
    assert "The store has no version feedbeef" in text(response)


def test_damaged_version_can_not_be_compared_and_is_said_to_be(
    client: Client, three_versions: list[Manifest], tmp_path: Path
):
    (tmp_path / "store" / f"{three_versions[1].sha256}.state").write_bytes(b"no longer what it was")
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "can't be compared" in text(response)


def test_table_of_weights_exports_everything(client: Client, three_versions: list[Manifest]):
    response: Any = client.get(PAGE, {"csv": "weights"})
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0] == "name,before,deviation_before,after,deviation_after,moved"
    assert len(lines) - 1 == response_total(client)


def response_total(client: Client) -> int:
    total: int = client.get(PAGE).context["weights"].total
    return total
