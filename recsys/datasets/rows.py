"""Rows of a CSV, JSON lines or Parquet file as dictionaries, each with its line number; unreadable ones set aside."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow
import pyarrow.parquet

from recsys.datasets.base import Rejected
from recsys.datasets.lines import opened, without_gz
from recsys.errors import DatasetError

FORMATS: Final = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")

_PARQUET_BATCH: Final = 10_000

Row = dict[str, Any]


def find_table(folder: Path, name: str) -> Path | None:
    """Return the one file in `folder` that holds the table, None when there is none.

    Raises
    ------
    DatasetError
        When there are several.
    """
    found = [path for ending in FORMATS if (path := folder / f"{name}{ending}").is_file()]
    if len(found) > 1:
        raise DatasetError(f"{folder}: expected one file for {name}, found {', '.join(path.name for path in found)}")
    return found[0] if found else None


def read_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    """Yield line number (Parquet: row number, from 1) and values of each row that can be read.

    Missing values (empty, null, NaN) are left out of the row.

    Raises
    ------
    DatasetError
        When the file can't be read as what its name says.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    for number, row in readers[without_gz(path)](path, rejected):
        yield number, {name: value for name, value in row.items() if not _missing(value)}


def _missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _csv_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    with opened(path, "CSV with a heading line") as file:
        # Bytes that are not UTF-8 become surrogates, so that one bad row does not end the reading.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text)
        heading = [name.strip() for name in next(reader, [])]
        if len(set(heading)) < len(heading):
            raise DatasetError(f"{path}: expected different names in the heading, received {', '.join(heading)}")
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                rejected.append(Rejected(path.name, reader.line_num, f"not CSV: {error}"))
                continue
            if not fields:
                continue
            if problem := _field_problem(fields, len(heading)):
                shown = [field.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for field in fields]
                rejected.append(Rejected(path.name, reader.line_num, problem, shown))
            else:
                yield reader.line_num, dict(zip(heading, (field.strip() for field in fields), strict=True))


def _field_problem(fields: list[str], columns: int) -> str:
    if len(fields) != columns:
        return f"wrong columns: expected {columns}, received {len(fields)}"
    if any("\udc80" <= letter <= "\udcff" for field in fields if not field.isascii() for letter in field):
        return "not UTF-8"
    return ""


def _json_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with opened(path, "one JSON object a line") as file:
        for number, raw in enumerate(file, start=1):
            line = raw.strip()
            if not line:
                continue
            try:
                yield number, decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                rejected.append(Rejected(path.name, number, f"not JSON: {error}", line.decode("utf-8", "replace")))


def _parquet_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path}: expected Parquet: {error}") from error
