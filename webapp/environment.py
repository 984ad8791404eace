"""Typed readers for the environment: each declares a setting once, with its unit, default and meaning.

`webapp.declared` calls them, and from the calls `docs/settings.md` is made. A value that can't be used never stops
the import: the default stands in, and the startup checks (`webapp.checks`) report all such problems at once.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

Value = TypeVar("Value")
Folder = TypeVar("Folder", Path, None)

#: What 64 bits hold.
_LARGEST: Final = 2**63 - 1
_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("0", "false", "no", "off")


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What a setting is, for its documentation.

    Attributes
    ----------
    name : str
        Its environment variable, with the unit in the name.
    kind : str
        What is expected, in words.
    default : str
        The default, or how it is found.
    meaning : str
        What it does.
    section : str
        The heading that it stands under.
    """

    name: str
    kind: str
    default: str
    meaning: str
    section: str


class Problem(NamedTuple):
    """A setting that can't be used as it is: what is wrong, and what to do."""

    name: str
    message: str
    hint: str


class Environment:
    """Reads `FRESHET_` settings from a mapping and remembers what it was asked for.

    Attributes
    ----------
    declared : dict of str to Setting
        In order of declaration.
    problems : list of Problem
        Values that could not be used.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._section = "General"
        self.declared: dict[str, Setting] = {}
        self.problems: list[Problem] = []

    def section(self, heading: str) -> None:
        """Put the settings that follow under this heading of the documentation."""
        self._section = heading

    def text(self, name: str, default: str, meaning: str, *, shown: str | None = None, form: str = "") -> str:
        """Read a text. `form` is a regular expression that it must match; `shown` is the documented default."""

        def read(given: str) -> str:
            if form and not re.fullmatch(form, given):
                raise ValueError
            return given

        return self._read(name, f"text like `{form}`" if form else "text", read, default, meaning, shown)

    def flag(self, name: str, default: bool, meaning: str) -> bool:
        """Read a yes or no."""

        def read(given: str) -> bool:
            if given.lower() not in (*_YES, *_NO):
                raise ValueError
            return given.lower() in _YES

        return self._read(name, "`1` or `0`", read, default, meaning, "1" if default else "0")

    def integer(self, name: str, default: int, meaning: str, *, at_least: int = 1, at_most: int = _LARGEST) -> int:
        """Read a whole number within its bounds (underscores may group its digits)."""

        def read(given: str) -> int:
            number = int(given)
            if not at_least <= number <= at_most:
                raise ValueError
            return number

        bounds = f"from {_grouped(at_least)}" + (f" to {_grouped(at_most)}" if at_most < _LARGEST else "")
        return self._read(name, f"whole number {bounds}", read, default, meaning, _grouped(default))

    def number(self, name: str, default: float, meaning: str, *, at_least: float = 0.0) -> float:
        """Read a finite number that is not below its bound."""

        def read(given: str) -> float:
            number = float(given)
            if not at_least <= number < float("inf"):
                raise ValueError
            return number

        return self._read(name, f"number from {at_least:g}", read, default, meaning, f"{default:g}")

    def share(self, name: str, default: float, meaning: str) -> float:
        """Read a part of everything."""

        def read(given: str) -> float:
            number = float(given)
            if not 0.0 <= number <= 1.0:
                raise ValueError
            return number

        return self._read(name, "number from 0 to 1", read, default, meaning, f"{default:g}")

    def choice(self, name: str, default: str, meaning: str, *, among: tuple[str, ...]) -> str:
        """Read one of a few words."""

        def read(given: str) -> str:
            if given not in among:
                raise ValueError
            return given

        return self._read(name, "one of " + ", ".join(f"`{word}`" for word in among), read, default, meaning)

    def words(self, name: str, default: tuple[str, ...], meaning: str) -> list[str]:
        """Read a list of words separated by commas."""

        def read(given: str) -> list[str]:
            return [word.strip() for word in given.split(",") if word.strip()]

        return self._read(name, "words separated by commas", read, list(default), meaning, ",".join(default))

    def url(self, name: str, default: str, meaning: str, *, schemes: tuple[str, ...], shown: str | None = None) -> str:
        """Read a URL of one of the schemes."""

        def read(given: str) -> str:
            parts = urlsplit(given)
            # An unquoted sign in a password ends the address early: what is left of it is no number for a port.
            if parts.scheme not in schemes or parts.port == 0:
                raise ValueError
            return given

        beginning = " or ".join(f"`{scheme}://`" for scheme in schemes)
        kind = f"URL beginning with {beginning}, with signs in a password percent-encoded"
        return self._read(name, kind, read, default, meaning, shown)

    def folder(self, name: str, default: Folder, meaning: str, *, shown: str) -> Path | Folder:
        """Read a folder, absolute or relative to the working directory; it need not exist yet."""

        def read(given: str) -> Path | Folder:
            return Path(given).expanduser().resolve()

        return self._read(name, "folder", read, default, meaning, shown)

    def _read(
        self,
        name: str,
        kind: str,
        read: Callable[[str], Value],
        default: Value,
        meaning: str,
        shown: str | None = None,
    ) -> Value:
        if name in self.declared:
            raise ValueError(f"{name} is declared twice")
        self.declared[name] = Setting(name, kind, str(default) if shown is None else shown, meaning, self._section)
        given = self._values.get(name, "").strip()
        if not given:
            return default
        try:
            return read(given)
        except ValueError:
            self.problems.append(
                Problem(
                    name,
                    f"{name}: expected {kind.replace('`', '')}, received {_without_password(given)!r}.",
                    f"{meaning} See docs/settings.md.",
                )
            )
            return default

    def unknown(self) -> list[str]:
        """Return the names that look like settings but are none (`FRESHET_TEST_` begins those of the tests)."""
        return sorted(
            name
            for name in self._values
            if name.startswith("FRESHET_") and not name.startswith("FRESHET_TEST_") and name not in self.declared
        )


def first_line(path: Path, default: str) -> str:
    """Return what a file says that a process keeps for others, or the default where there is none."""
    return path.read_text().strip() if path.is_file() else default


def _without_password(given: str) -> str:
    """Return what was given as it may be printed.

    >>> _without_password("redis://me:s#cret@host:1")
    'redis://…@host:1'
    """
    return re.sub("//.*@", "//…@", given)


def _grouped(number: int) -> str:
    return f"{number:_}" if number >= 100_000 else str(number)


environment: Final = Environment(os.environ)
