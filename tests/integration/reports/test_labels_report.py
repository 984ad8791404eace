"""Labels: what became of slates and clicks is what the learner counted."""

from collections.abc import Sequence

import pytest
from django.contrib.auth.models import User
from django.test import Client

from recsys.config import EngineConfig
from recsys.learner import Learner
from recsys.log.base import Record
from tests.integration.reports.reading import GAP_MS, rows_of
from tests.unit.aggregates.recount import recount

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
