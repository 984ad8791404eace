"""What Prometheus reads, and the page that explains it."""

from pathlib import Path

import redis
from django.test import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from recsys.events import ItemUpserted
from tests.unit.tracking.pages import ITEMS, Page
from webapp import metrics, wiring
from webapp.management.commands.metrics_reference import reference
from webapp.tracking.services import intake

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


async def scraped() -> dict[str, float]:
    """Return each sample's value by name and labels, as a scraper reads them."""
    text = (await AsyncClient().get("/metrics")).content.decode()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_every_declared_metric_is_exposed(wired: redis.Redis):
    text = (await AsyncClient().get("/metrics")).content.decode()
    for declared in metrics.DECLARED:
        assert f"# HELP {declared.name} " in text


async def test_outcomes_and_refusals_are_counted(wired: redis.Redis):
    for item in ITEMS:
        wiring.replica().world.upsert_item(ItemUpserted(event_time_ms=1, item=item, title=item))
    before, page = await scraped(), Page(at_ms=wiring.clock().now_ms())
    await intake().accept(page.batch(page.event(1), page.event(2, item="jaws")), "session")
    after = await scraped()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown("freshet_events_total accepted") == 1
    assert grown("freshet_events_refused_total not_shown") == 1
    assert after["freshet_replica_items"] == len(ITEMS)


async def test_metrics_are_readable_without_redis(without_redis: None):
    assert "process_resident_memory_bytes" in await scraped()


def test_document_names_every_metric():
    assert DOCUMENT.read_text() == reference(), "run: manage.py metrics_reference > docs/metrics.md"
