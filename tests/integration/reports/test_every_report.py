"""Overview, Learning and Labels alike: who may see them, and what they say of nothing and of nonsense."""

import re
from collections.abc import Sequence

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from recsys.events import Click, Impression
from recsys.log.base import Record
from tests.integration.reports.reading import LAST_DAY, PAGES
from tests.integration.staff_pages import text
from webapp.analytics.models import SittingMoments, Traffic
from webapp.training.models import LearnedHour

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", PAGES)
def test_page_asks_who_you_are_and_whether_you_may(client: Client, wired: redis.Redis, page: str) -> None:
    assert client.get(f"/staff/{page}/").url.startswith("/staff/login/")
    client.force_login(User.objects.create_user("eve", password="x", is_staff=True))
    assert client.get(f"/staff/{page}/").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_page_without_any_data_says_what_will_be_there(
    client: Client, staff: User, wired: redis.Redis, page: str
) -> None:
    response = client.get(f"/staff/{page}/")
    assert response.status_code == 200
    assert "Nothing is counted yet" in text(response)
    assert "<svg class" not in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_page_without_redis_still_shows_what_is_counted(
    client: Client, staff: User, counted: Sequence[Record], without_redis: None, page: str
) -> None:
    response = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d")
    assert response.status_code == 200
    if page != "overview":
        assert "Redis can't be reached" in text(response)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "query", ["period=9d", "until=yesterday", "arm=nobody", "simulated=perhaps", "until=99999-01-01", "period=<b>"]
)
def test_bad_values_are_said_and_the_page_is_shown_without_them(
    client: Client, staff: User, counted: Sequence[Record], page: str, query: str
) -> None:
    if page == "learning" and query.startswith("arm"):
        query += "&simulated=perhaps"  # this page compares the arms
    response = client.get(f"/staff/{page}/?{query}")
    assert response.status_code == 400
    assert "errorlist" in response.content.decode()


def test_unknown_version_is_said(client: Client, staff: User, counted: Sequence[Record]) -> None:
    response = client.get("/staff/learning/?version=of-old")
    assert response.status_code == 400
    assert "received “of-old”" in text(response)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_brings_no_style_attributes_and_no_handlers(
    client: Client, staff: User, counted: Sequence[Record], page: str
) -> None:
    content = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d").content.decode()
    assert "<svg" in content
    assert not re.search(r"<[^>]+\sstyle=", content)
    assert not re.search(r"<[^>]+\son[a-z]+=", content)


def test_sorting_one_table_gets_that_table_alone(client: Client, staff: User, counted: Sequence[Record]) -> None:
    url = f"/staff/overview/?until={LAST_DAY}&period=90d&time_sort=clicks"
    fragment = client.get(url, headers={"HX-Request": "true", "HX-Target": "table-time"}).content.decode()
    assert "<html" not in fragment
    assert 'aria-sort="ascending"' in fragment
    assert "<details open>" in client.get(url).content.decode()


def test_numbers_of_events_do_not_change_how_many_rows_a_page_reads(counted: Sequence[Record]) -> None:
    hours = {record.received_ms // 3_600_000 for record in counted}
    assert SittingMoments.objects.filter(hours=1).count() <= len(hours) * 2 * 3
    assert Traffic.objects.filter(hours=24).count() <= Traffic.objects.filter(hours=1).count()
    assert any(isinstance(record.event, Click | Impression) for record in counted)
    assert LearnedHour.objects.count() <= len(hours)
