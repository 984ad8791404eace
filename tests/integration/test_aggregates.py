"""The counts in the database: each event once, whatever dies between any two statements, and whoever counts beside."""

import json
import time
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, models

from recsys.errors import CorruptState
from recsys.log.archive import write_segment
from recsys.log.base import Record
from recsys.offsets import Offset, offset_key
from tests.unit.aggregates.visits import visits
from webapp import wiring
from webapp.analytics import services
from webapp.analytics.aggregating import AGAIN_AFTER_S, DAY, HOUR, WEEK, AggregateWriter, Overtaken
from webapp.analytics.models import (
    TABLES,
    AggregateProgress,
    ItemTraffic,
    SessionSitting,
    SittingMoments,
    Traffic,
)

# With savepoints in place of transactions, taking back would be a statement too, and the dead make none.
pytestmark = pytest.mark.django_db(transaction=True)

GAP_MS = 1_800_000
LOG = visits(seed=7, events=600)


class Listed:
    """A log that is a list."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        return [record for record in self.records if offset_key(record.offset) > offset_key(after)][:limit]

    def end(self) -> Offset:
        return self.records[-1].offset


class Killed(Exception):
    """The process is gone."""


class DiesAt:
    """Lets so many statements pass, and none after."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.left == 0:
            raise Killed
        self.left -= 1
        return execute(sql, params, many, context)


def content() -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that is counted; a row whose counts are all 0 says nothing."""
    return {table.__name__: sorted(_rows(table)) for table in TABLES}


def _rows(table: type[models.Model]) -> Iterator[tuple[Any, ...]]:
    names = [field.attname for field in table._meta.concrete_fields if field.column]
    keys = len(table.KEY)
    for row in table._default_manager.values_list(*names):
        if any(row[keys:]):
            yield row


class Overtaking(Listed):
    """Somebody else counts while this one reads."""

    def __init__(self, other: AggregateWriter) -> None:
        super().__init__(LOG)
        self._other = other

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        self._other.run(100)
        return super().read(after, limit)


def writer(log: Sequence[Record] = LOG, **options: Any) -> AggregateWriter:
    return AggregateWriter(Listed(log), GAP_MS, **options)


@pytest.fixture
def whole(transactional_db: None) -> dict[str, Any]:
    """What is counted when nothing goes wrong."""
    once = writer()
    assert once.run(10_000) == len(LOG)
    found = content()
    once.reset()
    assert all(not rows for rows in content().values())
    return found


def test_counting_in_small_runs_by_ever_new_processes_gives_the_same(whole: dict[str, Any]) -> None:
    while writer(state_every_events=90).run(37):
        pass
    assert content() == whole
    assert AggregateProgress.objects.get().events == len(LOG)


def test_each_event_counts_once_although_the_process_dies_between_any_two_statements(whole: dict[str, Any]) -> None:
    died, statements = 0, 1
    while AggregateProgress.objects.get().offset != LOG[-1].offset:
        with connection.execute_wrapper(DiesAt(statements)):
            try:
                writer(state_every_events=150).run(150)
            except Killed:
                died, statements = died + 1, statements + 1
            else:
                statements = 1
    assert died > 40
    assert content() == whole


def test_process_goes_on_after_an_error_with_what_the_database_says(whole: dict[str, Any]) -> None:
    one = writer()
    one.run(200)
    with connection.execute_wrapper(DiesAt(4)), pytest.raises(Killed):
        one.run(200)
    while one.run(200):
        pass
    assert content() == whole


def test_database_that_fails_is_left_alone_for_a_while_by_those_who_ask_again(
    whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def full(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        raise OperationalError("database or disk is full")

    writer = AggregateWriter(Listed(LOG), GAP_MS)
    with connection.execute_wrapper(full):
        assert [writer.run_if_well(100) for _ in range(5)] == [0] * 5
    assert len(asked) == 1
    assert writer.run_if_well(100) == 0

    later = time.monotonic() + AGAIN_AFTER_S
    monkeypatch.setattr(time, "monotonic", lambda: later)
    while writer.run_if_well(100):
        pass
    assert content() == whole


def test_of_two_that_count_the_same_stretch_one_writes(whole: dict[str, Any]) -> None:
    first = writer()
    second = AggregateWriter(Overtaking(first), GAP_MS)
    with pytest.raises(Overtaken):
        second.run(100)
    assert AggregateProgress.objects.get().events == 100
    while first.run(100):
        pass
    assert content() == whole


def test_two_that_count_in_turn_go_on_from_where_each_was(whole: dict[str, Any]) -> None:
    read = 0

    class Noting(Listed):
        def read(self, after: Offset, limit: int) -> Sequence[Record]:
            nonlocal read
            found = super().read(after, min(limit, 20))
            read += len(found)
            return found

    both = [AggregateWriter(Noting(LOG), GAP_MS) for _ in range(2)]
    turn = 0
    while both[turn].run(20):
        turn = 1 - turn
    assert content() == whole
    assert read < 4 * len(LOG)


def test_wider_buckets_add_up_to_what_the_narrow_ones_do(whole: dict[str, Any]) -> None:
    writer().run(10_000)
    for table, narrow, wide in (
        (Traffic, HOUR, DAY),
        (SittingMoments, HOUR, DAY),
        (ItemTraffic, DAY, WEEK),
    ):
        sums = [
            table._default_manager.filter(hours=hours).aggregate(**{name: models.Sum(name) for name in table.counts()})
            for hours in (narrow, wide)
        ]
        assert sums[0] == sums[1]
        assert any(sums[0].values())
    assert {row.start_ms % 604_800_000 for row in ItemTraffic.objects.filter(hours=WEEK)} == {345_600_000}


def test_sitting_names_the_stretch_of_the_log_that_its_events_are_in(whole: dict[str, Any]) -> None:
    writer().run(10_000)
    offsets = [record.offset for record in LOG]
    sittings = list(SessionSitting.objects.all())
    assert len(sittings) > 0
    for sitting in sittings:
        stretch = LOG[offsets.index(sitting.first_offset) : offsets.index(sitting.last_offset) + 1]
        mine = [record for record in stretch if getattr(record.event, "session", None) == sitting.session]
        assert len(mine) == sitting.events


def test_log_that_is_shorter_than_what_was_counted_is_said_and_nothing_is_added(whole: dict[str, Any]) -> None:
    writer().run(300)
    before = content()
    with pytest.raises(CorruptState, match="rebuild_aggregates"):
        writer(LOG[:200]).run(100)
    assert content() == before


def test_counts_of_another_revision_are_counted_anew(whole: dict[str, Any]) -> None:
    writer().run(300)
    AggregateProgress.objects.update(revision="of old")
    while writer().run(300):
        pass
    assert content() == whole


def test_command_counts_the_live_log_anew(wired: redis.Redis) -> None:
    wiring.event_log().append([record.event for record in LOG if record.event is not None])
    printed = StringIO()
    for _ in range(2):
        services.aggregate()
        call_command("rebuild_aggregates", stdout=printed)
    events = sum(record.event is not None for record in LOG)
    assert [json.loads(line)["events"] for line in printed.getvalue().splitlines()] == [events, events]
    assert AggregateProgress.objects.get().events == events


def test_rebuilding_goes_on_beside_the_worker_and_ends_while_events_come_in(
    wired: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "REBUILD_EVENTS", 100)
    found = [record.event for record in LOG if record.event is not None]
    wiring.event_log().append(found)
    told = []

    def meanwhile(counted: int) -> None:
        told.append(counted)
        assert services.aggregate() == 0
        with pytest.raises(CommandError, match="somebody does"):
            call_command("rebuild_aggregates")
        wiring.event_log().append(found[:10])

    counted = services.rebuild(meanwhile)
    assert sum(told) == counted == AggregateProgress.objects.get().events > len(found)
    assert told[-1] < 100
    assert services.aggregate() == 10


def with_a_damaged_page(segment: Path) -> bytes:
    """Return a segment whose columns and number of records can still be read, but not its payloads."""
    group, content = pq.read_metadata(segment).row_group(0), bytearray(segment.read_bytes())
    payloads = group.column(group.num_columns - 1)
    content[payloads.dictionary_page_offset + payloads.total_compressed_size // 2] ^= 1
    return bytes(content)


@pytest.mark.parametrize("damage", ["whole", "page", "gone"])
def test_counts_stay_where_the_archive_could_not_be_counted_anew(wired: redis.Redis, damage: str) -> None:
    wiring.event_log().append([record.event for record in LOG if record.event is not None])
    services.aggregate()
    before = content()
    written = [write_segment(wiring.archive_path(), records) for records in (LOG[:10], LOG[10:20], LOG[20:30])]
    if damage == "gone":
        written[1].unlink()
    else:
        written[1].write_bytes(b"damaged" if damage == "whole" else with_a_damaged_page(written[1]))
    with pytest.raises(CommandError, match=r"expected (a Parquet segment|in .* a segment)"):
        call_command("rebuild_aggregates")
    assert content() == before


def test_rebuilding_counts_what_others_who_count_leave(
    whole: dict[str, Any], wired: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = writer()
    second = AggregateWriter(Overtaking(first), GAP_MS)
    monkeypatch.setattr(services, "aggregate_writer", lambda: second)
    assert services.rebuild(lambda _: None) == len(LOG)
    assert content() == whole
