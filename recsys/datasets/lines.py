"""Opening a data set's files: plain or gzipped, as bytes, with one clear error when that is impossible."""

import codecs
import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from recsys.errors import DatasetError


@contextlib.contextmanager
def opened(path: Path, expected: str) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, unpacking ``.gz``; what goes wrong inside becomes a `DatasetError`.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        What it should hold, for the message.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: expected {expected}: {error}") from error


def numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, each with its number, from 1, and without space and byte order mark around.

    >>> import io
    >>> list(numbered(io.BytesIO(codecs.BOM_UTF8 + b"one\\r\\n\\n three\\n")))
    [(1, b'one'), (3, b'three')]
    """
    for number, line in enumerate(file, start=1):
        text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip()
        if text:
            yield number, text


def without_gz(path: Path) -> str:
    """Return the name's ending that tells the format, in lower case.

    >>> without_gz(Path("events.CSV.gz"))
    '.csv'
    """
    return Path(path.stem if path.suffix == ".gz" else path.name).suffix.lower()
