"""What every reader promises, asked of the live log and of each recorded form of the same records."""

from pathlib import Path

import pytest

from recsys.clock import ManualClock
from recsys.events import Click, Dismissal, ItemRemoved, ItemUpserted, SlateServed
from recsys.log.archive import ArchiveLog, open_log, write_segments
from recsys.log.base import Reader, Record, records
from recsys.log.jsonl import export_jsonl
from recsys.log.memory import MemoryLog
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN


def recorded() -> list[Record]:
    """Return records of all kinds: two in each millisecond, and one that is no event."""
    clock = ManualClock(1_000)
    log = MemoryLog(clock)
    for n in range(5):
        log.append([ItemUpserted(event_time_ms=5, item=str(n), title="Ä “Alien”", categories=("horror",), year=1979)])
        log.append(
            [
                SlateServed(
                    event_time_ms=6, session="s", slate=f"a{n}", surface="for_you", items=("7",), signals=b"\x00\xff"
                )
            ]
        )
        clock.advance(1)
        log.append(
            [Click(event_time_ms=7 + n, session="s", seq=n + 1, item="7"), ItemRemoved(event_time_ms=1, item="x")]
        )
    log.append([Dismissal(event_time_ms=9, session="t", seq=1, item="7", simulated=True)])
    held = list(records(log))
    return [*held[:7], Record(held[7].offset, None, b"\xc1\x00"), *held[8:]]


RECORDED = recorded()


@pytest.fixture(params=["parquet", "jsonl", "parquet then parquet", "parquet then nothing", "nothing then parquet"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    if request.param == "jsonl":
        with (tmp_path / "log.jsonl").open("wb") as file:
            assert export_jsonl(RECORDED, file) == len(RECORDED)
        return open_log(tmp_path / "log.jsonl")
    cut = {"parquet": 0, "parquet then parquet": 9, "parquet then nothing": len(RECORDED)}.get(request.param, 0)
    write_segments(tmp_path / "first", RECORDED[:cut], size=4)
    write_segments(tmp_path / "second", RECORDED[cut:], size=4)
    if request.param == "parquet":
        return open_log(tmp_path / "second")
    return WholeLog(ArchiveLog(tmp_path / "first"), ArchiveLog(tmp_path / "second"))


def test_records_come_back_as_they_were(reader: Reader) -> None:
    assert list(records(reader)) == RECORDED
    assert list(records(reader)) == RECORDED
    assert reader.end() == RECORDED[-1].offset


@pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
def test_reading_goes_on_anywhere(reader: Reader, batch: int) -> None:
    for start in (0, 3, 7, 8, 9, len(RECORDED) - 1):
        after = RECORDED[start].offset
        assert list(records(reader, after, batch=batch)) == RECORDED[start + 1 :]
        assert list(records(reader, ORIGIN, until=after, batch=batch)) == RECORDED[: start + 1]


def test_no_read_returns_more_than_its_limit(reader: Reader) -> None:
    assert [len(reader.read(ORIGIN, limit)) for limit in (1, 2, 3)] == [1, 2, 3]
    assert reader.read(RECORDED[-1].offset, 5) == []


def test_reading_between_offsets_finds_the_next(reader: Reader) -> None:
    assert reader.read("1000-999", 1)[0].received_ms == 1_001
    assert reader.read("999999-0", 1) == []
