"""Rows of a CSV, JSON lines or Parquet file as dictionaries, each with its line number; unreadable ones set aside."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow
import pyarrow.parquet

from recsys.datasets.base import Rejected
from recsys.datasets.lines import numbered, opened, without_gz
from recsys.errors import UNREADABLE, DatasetError

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

    Missing values (empty or blank, null, NaN) are left out of the row.

    Raises
    ------
    DatasetError
        When the file can't be read as what its name says.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".parquet": _parquet_rows}
    for number, row in readers[without_gz(path)](path, rejected):
        yield number, {name: value for name, value in row.items() if not _missing(value)}


def _missing(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _csv_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    with opened(path, "CSV with a heading line") as file:
        # Bytes that are not UTF-8 become surrogates, so that one bad row does not end the reading.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        # Strict, as a quote that nothing closes would take all the rest for one field.
        reader = csv.reader(text, strict=True)
        heading = _heading(reader, path)
        while True:
            begins = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                rejected.append(Rejected(path.name, begins, f"not CSV: {error}; read up to line {reader.line_num}"))
                continue
            if not fields:
                continue
            if problem := _field_problem(fields, len(heading)):
                shown = [field.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for field in fields]
                rejected.append(Rejected(path.name, reader.line_num, problem, shown))
            else:
                yield reader.line_num, dict(zip(heading, (field.strip() for field in fields), strict=True))


def _heading(reader: Iterator[list[str]], path: Path) -> list[str]:
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise DatasetError(f"{path}: expected CSV with a heading line: {error}") from error
    if any(map(_is_not_utf8, names)):
        raise DatasetError(f"{path}: expected a heading in UTF-8, received other bytes")
    _expect_different(names, path)
    return names


def _expect_different(names: Sequence[str], path: Path) -> None:
    if len(set(names)) < len(names):
        raise DatasetError(f"{path}: expected different names in the heading, received {', '.join(names)}")


def _field_problem(fields: list[str], columns: int) -> str:
    if len(fields) != columns:
        return f"wrong columns: expected {columns}, received {len(fields)}"
    return "not UTF-8" if any(map(_is_not_utf8, fields)) else ""


def _is_not_utf8(field: str) -> bool:
    return not field.isascii() and any("\udc80" <= letter <= "\udcff" for letter in field)


def _json_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with opened(path, "one JSON object a line") as file:
        for number, line in numbered(file):
            try:
                yield number, decoder.decode(line)
            except UNREADABLE as error:
                rejected.append(Rejected(path.name, number, f"not JSON: {error}", line.decode("utf-8", "replace")))


def _parquet_rows(path: Path, rejected: list[Rejected]) -> Iterator[tuple[int, Row]]:
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _expect_different(file.schema_arrow.names, path)
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH):
                for row in _python_rows(batch):
                    number += 1
                    if isinstance(row, dict):
                        yield number, row
                    else:
                        rejected.append(Rejected(path.name, number, f"bad value: {row}"))
    except (OSError, pyarrow.ArrowException) as error:
        raise DatasetError(f"{path}: expected Parquet: {error}") from error


def _python_rows(batch: pyarrow.RecordBatch) -> Iterator[Row | Exception]:
    """Yield each row, or why Python has no such value: text that is not UTF-8, a time that no calendar reaches."""
    try:
        rows: list[Row] = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if len(batch) == 1:
            yield error
        else:
            for number in range(len(batch)):
                yield from _python_rows(batch.slice(number, 1))
    else:
        yield from rows
