"""Labels: what became of slates and clicks is what the learner counted."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recsys.aggregates.buckets import DELAY_EDGES_S
from recsys.config import EngineConfig
from recsys.labels import COUNTS
from recsys.learner import Learner
from recsys.log.base import Record
from tests.integration.reports.reading import GAP_MS, LAST_DAY, rows_of
from tests.integration.staff_pages import text
from tests.unit.aggregates.recount import recount
from webapp.analytics.models import ClickDelay
from webapp.analytics.selectors import LABELS

pytestmark = pytest.mark.django_db


def test_labels_are_the_learners_own_counts(client: Client, staff: User, counted: Sequence[Record]) -> None:
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(counted)
    counters = learner.counters()
    rows = {row["name"]: int(row["times"]) for row in rows_of(client, "labels", "outcomes")}
    assert rows == {name: counters[f"labels_{name}"] for name in rows}
    assert {"slates", "joined", "expired", "late"} <= set(rows)
    times = rows_of(client, "labels", "times")
    assert sum(int(row["labels_joined"]) for row in times) == counters["labels_joined"]


def test_another_window_would_have_joined_the_clicks_within_it(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    slow = recount(counted, GAP_MS)
    rows = {int(row["minutes"]): row for row in rows_of(client, "labels", "attributions")}
    edges = {1: 7, 5: 9, 10: 10, 30: 12, 60: 13}
    for minutes, buckets in edges.items():
        joined = sum(n for (*_, bucket, name), n in slow.delays.items() if name == "clicks" and bucket < buckets)
        assert int(rows[minutes]["joined"]) == joined
    assert int(rows[10]["change"]) == 0
    assert int(rows[60]["change"]) == int(rows[60]["joined"]) - int(rows[10]["joined"])


def test_delays_are_exported_by_the_time_that_they_end_at(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    slow = recount(counted, GAP_MS)
    rows = rows_of(client, "labels", "delays")
    assert [row["up_to_ms"] for row in rows] == [*(str(1_000 * edge) for edge in DELAY_EDGES_S), ""]
    assert [int(row["clicks"]) for row in rows] == [
        sum(n for (*_, bucket, name), n in slow.delays.items() if (name, bucket) == ("clicks", place))
        for place in range(len(rows))
    ]


def test_clicks_that_came_later_than_every_edge_are_said_to_have(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    ClickDelay.objects.update(clicks=0)
    day = ClickDelay.objects.order_by("delay").last()
    assert day is not None
    ClickDelay.objects.update_or_create(
        start_ms=day.start_ms, arm=day.arm, simulated=day.simulated, delay=len(DELAY_EDGES_S),
        defaults={"clicks": 1, "first_clicks": 1},
    )  # fmt: skip
    page = text(client.get(f"/staff/labels/?until={LAST_DAY}&period=90d"))
    assert "Half of 1 click came more than" in page


def test_every_count_of_the_label_join_is_explained() -> None:
    assert {f"labels_{name}" for name in COUNTS} - {"labels_slates"} < set(LABELS)
