"""A log of visits, and what a page says of it: as text, and as the rows of a table."""

import csv
import datetime
import io

from django.test import Client

from tests.unit.aggregates.visits import START_MS, visits

PAGES = ("overview", "learning", "labels")
GAP_MS = 1_800_000
LOG = visits(seed=5, events=2_500)
LAST_DAY = datetime.datetime.fromtimestamp(LOG[-1].received_ms / 1_000, tz=datetime.UTC).date().isoformat()
FIRST_DAY = datetime.datetime.fromtimestamp(START_MS / 1_000, tz=datetime.UTC).date().isoformat()


def rows_of(client: Client, page: str, table: str, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d&csv={table}{query}")
    assert response.status_code == 200, response.content[:300]
    content = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(content)))
