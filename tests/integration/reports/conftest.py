"""Somebody who may see the reports, and a log that was counted and learned."""

from collections.abc import Sequence

import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import ItemUpserted
from recsys.learner import Learner
from recsys.log.base import Record
from tests.integration.reports.reading import GAP_MS, LOG, PAGES
from tests.integration.test_aggregates import Listed
from tests.unit.aggregates.visits import START_MS
from webapp import wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.catalog.models import Item
from webapp.training import lineage
from webapp.training.scorebook import ScoreBook


@pytest.fixture
def staff(client: Client) -> User:
    user = User.objects.create_user("ada", password="countess", is_staff=True)
    names = [f"view_{page}" for page in PAGES]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="analytics", codename__in=names))
    client.force_login(user)
    return user


@pytest.fixture
def counted(wired: redis.Redis) -> Sequence[Record]:
    """The log, counted and learned."""
    AggregateWriter(Listed(LOG), GAP_MS).run(10_000)
    Item.objects.bulk_create(Item.from_event(record.event) for record in LOG if isinstance(record.event, ItemUpserted))
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(LOG)
    ScoreBook(ManualClock(START_MS), lineage.version(wiring.config())).note(learner)
    return LOG
