"""Tables as somebody might have them, and what is read of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.datasets import tabular
from recsys.datasets.base import Dataset
from recsys.events import Event, ItemUpserted

ITEMS = "item,title,categories,tags,year\na,Alien,horror|sci-fi,ridley scott,1979\nb,Brazil,,,\n"


def read(folder: Path, events: str | None = None, items: str = ITEMS, **options: Any) -> Dataset:
    (folder / "items.csv").write_text(items)
    if events is not None:
        (folder / "events.csv").write_text(events)
    return tabular.read(folder, session_gap_s=60, **options)


def happened(dataset: Dataset) -> list[Event]:
    return [event for event in dataset.events if not isinstance(event, ItemUpserted)]


def kinds(dataset: Dataset) -> list[tuple[int, str]]:
    return [(row.line, row.reason.partition(":")[0]) for row in dataset.rejected]


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), path)
    elif path.suffix == ".csv":
        cells = [[row.get(name, "") for name in names] for row in rows]
        lines = [names, *([str("|".join(cell) if isinstance(cell, list) else cell) for cell in row] for row in cells)]
        path.write_text("".join(",".join(line) + "\n" for line in lines))
    else:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
