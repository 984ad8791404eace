"""River objects as bytes without pickle: the same bytes for the same state, and no code runs but River's own.

An object is taken apart by Python's copy protocol (``__reduce_ex__``), which River's compiled classes such as
`VectorDict` speak too, and written as a flat table of MessagePack entries that refer to each other by number; an
object that is reached twice is one entry, so sharing and cycles survive. What can be written is what can be put
together again from this module's short list: River's classes and functions by name, plain containers, numbers,
NumPy arrays and seeded random generators.
"""

import collections
import copyreg
import functools
import importlib
import random
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np

from recsys.errors import ConfigurationError, CorruptState

_INLINE: Final = (type(None), bool, str, float, bytes)
_SEQUENCES: Final[dict[str, type]] = {"list": list, "tuple": tuple}
_SETS: Final[dict[str, type]] = {"set": set, "frozenset": frozenset}
#: What may be named or called besides what lies in River: nothing here does more than hold values.
_KNOWN: Final[dict[str, Any]] = {
    **{f"builtins.{known.__name__}": known for known in (bool, int, float, str, list, dict, set, tuple, frozenset)},
    **{
        f"{known.__module__}.{known.__name__}": known
        for known in (
            collections.Counter,
            collections.OrderedDict,
            collections.defaultdict,
            collections.deque,
            functools.partial,
            random.Random,
        )
    },
}
_BIT_GENERATORS: Final = (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)
_SMALL: Final = 1 << 63


def encode(value: Any) -> bytes:
    """Return `value` as bytes.

    Raises
    ------
    ConfigurationError
        When something in it can't be written, such as a lambda; the message says what and where it was found.
    """
    writer = _Writer()
    root = writer.value(value)
    return msgspec.msgpack.encode([root, writer.entries])


def decode(payload: bytes) -> Any:
    """Return what `encode` wrote.

    Raises
    ------
    CorruptState
        When the bytes are no such thing, or name something outside of River and the plain types.
    """
    try:
        root, entries = msgspec.msgpack.decode(payload)
        return _Reader(entries).value(root)
    except (msgspec.DecodeError, ImportError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise CorruptState(f"expected the state of a River estimator, received bytes that fail with: {error}") from error


class _Writer:
    """Fills `entries`; a container's number is taken before its contents are written, so cycles end."""

    def __init__(self) -> None:
        self.entries: list[list[Any]] = []
        self._numbers: dict[int, int] = {}
        self._keep: list[Any] = []
        self._path: list[str] = []

    def value(self, value: Any) -> Any:
        """Return the value itself where MessagePack can hold it, else a list of one: the number of its entry."""
        if type(value) in _INLINE or (type(value) is int and -_SMALL <= value < _SMALL):
            return value
        number = self._numbers.get(id(value))
        if number is None:
            number = len(self.entries)
            self._numbers[id(value)] = number
            self._keep.append(value)  # an id is only good while its object lives
            entry: list[Any] = []
            self.entries.append(entry)
            self._path.append(type(value).__name__)
            entry += self._entry(value)
            self._path.pop()
        return [number]

    def _entry(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is int:
            return ["int", str(value)]
        if kind in _SEQUENCES.values():
            return [kind.__name__, [self.value(item) for item in value]]
        if kind is dict:
            return ["dict", self._pairs(value.items())]
        if kind in _SETS.values():
            # Sets have no order of their own that is the same in two processes.
            return [kind.__name__, [self.value(item) for item in sorted(value, key=self._set_order)]]
        if isinstance(value, (np.ndarray, np.generic)):
            return self._array(value)
        if isinstance(value, (type, type(encode))):
            return ["name", self._name(value)]
        if isinstance(value, np.random.RandomState):
            return ["RandomState", self.value(value.get_state(legacy=False))]
        if isinstance(value, np.random.Generator):
            return ["Generator", self.value(value.bit_generator.state)]
        return self._object(value)

    def _object(self, value: Any) -> list[Any]:
        try:
            reduced = value.__reduce_ex__(2)
        except TypeError as error:
            raise self._refuse(value) from error
        if isinstance(reduced, str):
            raise self._refuse(value)
        call, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if call is copyreg.__newobj__:  # type: ignore[attr-defined]
            kind, *arguments = arguments
            how = "new"
        else:
            kind, how = call, "call"
        return [
            how,
            self._name(kind),
            [self.value(argument) for argument in arguments],
            self.value(state),
            [self.value(item) for item in items or ()],
            self._pairs(pairs or ()),
        ]

    def _pairs(self, pairs: Any) -> list[list[Any]]:
        return [[self.value(key), self.value(value)] for key, value in pairs]

    def _array(self, value: Any) -> list[Any]:
        if value.dtype.hasobject or value.dtype.names is not None:
            raise self._refuse(value)
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        little = np.asarray(value, dtype=value.dtype.newbyteorder("<"), order="C")
        return [kind, little.dtype.str, list(little.shape), little.tobytes()]

    def _name(self, value: Any) -> str:
        name = f"{value.__module__}.{value.__qualname__}"
        try:
            known = _named(name)
        except CorruptState as error:
            raise self._refuse(value) from error
        if known is not value:
            raise self._refuse(value)
        return name

    def _set_order(self, item: Any) -> tuple[str, str]:
        if type(item) not in (*_INLINE, int, tuple):
            raise self._refuse(item)
        return type(item).__name__, repr(item)

    def _refuse(self, value: Any) -> ConfigurationError:
        return ConfigurationError(
            f"expected a model of River classes, plain containers, numbers and arrays, received {value!r} "
            f"(in {' > '.join(self._path)}): use a classifier without it"
        )


class _Reader:
    """Puts together what `_Writer` took apart, each entry once."""

    def __init__(self, entries: list[list[Any]]) -> None:
        self._entries = entries
        self._made: dict[int, Any] = {}
        self._making: set[int] = set()

    def value(self, written: Any) -> Any:
        """Return the value of an inline value or of a reference."""
        if not isinstance(written, list):
            return written
        (number,) = written
        if number not in self._made:
            if number in self._making:
                raise CorruptState(f"expected entry {number} to exist before what needs it to be made")
            self._making.add(number)
            self._make(number, *self._entries[number])
            self._making.remove(number)
        return self._made[number]

    def _make(self, number: int, kind: str, *parts: Any) -> None:
        make: Callable[..., None] = getattr(self, f"_make_{kind}")
        make(number, *parts)
