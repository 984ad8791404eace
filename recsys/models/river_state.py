"""River objects as bytes without pickle: the same bytes for the same state, and no code runs but River's own.

An object is taken apart by Python's copy protocol (``__reduce_ex__``), which River's compiled classes such as
`VectorDict` speak too, and written as a flat table of MessagePack entries that refer to each other by number. What
is reached twice is one entry, so sharing and cycles survive. Only what this module can put together again is
written: River's classes and functions by name, plain containers, numbers, NumPy arrays and random generators.
Trees may be deeper than Python's stack, so nothing here calls itself: a step that needs what a part comes to yields
that part, and goes on when `_worked_out` has it.
"""

import collections
import copyreg
import functools
import importlib
import random
import types
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

import msgspec
import numpy as np
from river.proba.base import Distribution

from recsys.errors import ConfigurationError, CorruptState

_INLINE: Final = (types.NoneType, bool, str, float, bytes)
_INT64: Final = range(-(1 << 63), 1 << 63)
_CONTAINERS: Final[dict[str, type]] = {kind.__name__: kind for kind in (list, tuple, set, frozenset)}
_NAMEABLE: Final = (type, types.FunctionType, types.BuiltinFunctionType)
_CONSTANT: Final = (int, tuple, frozenset, np.generic, *_NAMEABLE)
_BIT_GENERATORS: Final = {
    kind.__name__: kind
    for kind in (np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64)
}
#: What may be named besides River's own: none of these does more than hold values.
_PLAIN: Final[dict[str, Any]] = {
    f"{kind.__module__}:{kind.__qualname__}": kind
    for kind in (
        *(bool, int, float, str, bytes, list, dict, set, tuple, frozenset),
        *(collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque),
        *(functools.partial, random.Random),
    )
}


def encode(value: Any) -> bytes:
    """Return `value` as bytes.

    Raises
    ------
    ConfigurationError
        When something in it can't be written, such as a lambda; the message says what, and where it was found.
    """
    writer = _Writer()
    root = writer.value(value)
    return msgspec.msgpack.encode([root, writer.entries])


def decode(payload: bytes) -> Any:
    """Return what `encode` was given: equal, and independent of it.

    Raises
    ------
    CorruptState
        When the bytes are no such thing, or name something outside of River and the plain types.
    """
    try:
        root, entries = msgspec.msgpack.decode(payload)
        return _Reader(entries).value(root)
    except (msgspec.DecodeError, AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
        raise CorruptState(
            f"expected the state of a River estimator, received bytes that fail with: {error}"
        ) from error


#: Yields parts, is sent what each comes to, and returns what the whole comes to.
_Step = Generator[Any, Any, Any]


def _worked_out(whole: Any, step: Callable[[Any], _Step]) -> Any:
    """Return what `whole` comes to by `step`, which is taken of each part that a step yields, too."""
    steps, result = [step(whole)], None
    while steps:
        try:
            part = steps[-1].send(result)
        except StopIteration as done:
            steps.pop()
            result = done.value
        else:
            steps.append(step(part))
            result = None
    return result


def _each(parts: Iterable[Any]) -> _Step:
    """Return a list of what each part comes to."""
    results = []
    for part in parts:
        result = yield part
        results.append(result)
    return results


def _each_pair(pairs: Iterable[Any]) -> _Step:
    """Return a list of lists: what key and value of each pair come to."""
    results = []
    for key, value in pairs:
        results.append([(yield key), (yield value)])
    return results


def _named(name: str) -> Any:
    """Return the class or function called ``module:qualified name``. Raises `LookupError` when it is not allowed."""
    if name in _PLAIN:
        return _PLAIN[name]
    module, _, path = name.partition(":")
    if not module.startswith("river."):
        raise LookupError(f"{name} is neither River's nor a plain type")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    # River's modules also hold what they import; only what they define is meant.
    if not isinstance(found, _NAMEABLE) or _name(found) != name:
        raise LookupError(f"{name} is no class or function of River")
    return found


def _method(kind: type, name: str) -> Any:
    function = getattr(kind, name)
    if not isinstance(function, types.FunctionType) or _named(_name(kind)) is not kind:
        raise LookupError(f"{name} is no method of a class of River")
    return function


def _name(named: Any) -> str:
    return f"{named.__module__}:{named.__qualname__}"


class _Unseeded:
    """Stands for a random generator whose state says nothing."""


class _Writer:
    """Fills `entries`. A value takes its number before its contents are written, so that cycles end."""

    def __init__(self) -> None:
        self.entries: list[list[Any]] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []
        self._path: list[str] = []

    def value(self, value: Any) -> Any:
        """Return what stands for `value`: itself where MessagePack has such a thing, else ``[entry number]``."""
        return _worked_out(value, self._value)

    def _value(self, value: Any) -> _Step:
        if type(value) in _INLINE or (type(value) is int and value in _INT64):
            return value
        number = self._numbers.get(id(value))
        if number is not None:
            return [number]
        number = len(self.entries)
        self.entries.append([])
        # Whether two equal constants are one object is the interpreter's whim, and would be seen in the bytes.
        if not isinstance(value, _CONSTANT):
            self._numbers[id(value)] = number
            self._alive.append(value)  # an id names its object only while that lives
        self._path.append(type(value).__name__)
        self.entries[number] = yield from self._entry(value)
        self._path.pop()
        return [number]

    def _entry(self, value: Any) -> _Step:
        kind = type(value)
        if kind is int:
            return ["int", str(value)]
        if kind in (list, tuple):
            return [kind.__name__, (yield from _each(value))]
        if kind in (set, frozenset):
            return [kind.__name__, (yield from _each(sorted(value, key=self._rank)))]
        if kind is dict:
            return ["dict", (yield from _each_pair(value.items()))]
        if kind is np.ndarray or isinstance(value, np.generic):
            return self._array(value)
        if kind is _Unseeded:
            return ["unseeded"]
        if kind is np.random.RandomState:
            return ["RandomState", (yield value.get_state(legacy=False))]
        if kind is np.random.Generator:
            return ["Generator", (yield value.bit_generator.state)]
        if kind is types.MethodType:
            return ["method", (yield value.__self__), value.__name__]
        if isinstance(value, _NAMEABLE):
            return ["name", self._allowed(value)]
        return (yield from self._object(value))

    def _object(self, value: Any) -> _Step:
        try:
            reduced = value.__reduce_ex__(2)
        except TypeError as error:
            raise self._refusal(value) from error
        if isinstance(reduced, str):
            raise self._refusal(value)
        call, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if isinstance(value, Distribution) and value.seed is None:
            # Only `sample` would draw from it, which no classifier calls, and what the system seeded is no state.
            state = {**state, "_rng": _Unseeded()}
        how = "call"
        if call is copyreg.__newobj__:  # type: ignore[attr-defined]  # typeshed hides it; the copy protocol names it
            how, call, arguments = "new", arguments[0], arguments[1:]
        if not isinstance(call, type):
            raise self._refusal(value)
        return [
            how,
            self._allowed(call),
            (yield from _each(arguments)),
            (yield state),
            (yield from _each(items or ())),
            (yield from _each_pair(pairs or ())),
        ]

    def _array(self, value: Any) -> list[Any]:
        if value.dtype.kind not in "biufcSU":
            raise self._refusal(value)
        array = np.asarray(value, dtype=value.dtype.newbyteorder("<"))
        return ["array" if type(value) is np.ndarray else "scalar", array.dtype.str, array.shape, array.tobytes()]

    def _allowed(self, named: Any) -> str:
        name = _name(named)
        try:
            found = _named(name)
        except LookupError as error:
            raise self._refusal(named) from error
        if found is not named:
            raise self._refusal(named)
        return name

    def _rank(self, item: Any) -> tuple[str, str]:
        """Return a sort key for members of a set, whose own order differs from process to process."""
        if type(item) not in (*_INLINE, int, tuple):
            raise self._refusal(item)
        return type(item).__name__, repr(item)

    def _refusal(self, value: Any) -> ConfigurationError:
        return ConfigurationError(
            f"expected a model of River's classes, plain containers, numbers and arrays, received {value!r} "
            f"in {' > '.join(self._path)}: take a classifier without it"
        )


class _Reader:
    """Puts together what `_Writer` took apart, each entry once."""

    def __init__(self, entries: list[list[Any]]) -> None:
        self._entries = entries
        self._made: dict[int, Any] = {}

    def value(self, written: Any) -> Any:
        """Return the value that `written` stands for."""
        return _worked_out(written, self._value)

    def _value(self, written: Any) -> _Step:
        if not isinstance(written, list):
            return written
        (number,) = written
        if number not in self._made:
            yield from self._make(number, self._entries[number])
        return self._made[number]

    def _make(self, number: int, entry: list[Any]) -> _Step:
        self._entries[number] = []  # so that an entry which has to exist before itself is an error, not a loop
        match entry:
            case ["list", items]:
                made: Any = []
                self._made[number] = made
                made.extend((yield from _each(items)))
            case ["dict", pairs]:
                made = self._made[number] = {}
                made.update((yield from _each_pair(pairs)))
            case [("tuple" | "set" | "frozenset") as kind, items]:
                self._made[number] = _CONTAINERS[kind]((yield from _each(items)))
            case ["int", str(digits)]:
                self._made[number] = int(digits)
            case [("array" | "scalar") as kind, str(dtype), shape, bytes(data)]:
                array = np.frombuffer(data, dtype=dtype).reshape(shape).copy()
                self._made[number] = array if kind == "array" else array[()]
            case ["name", str(name)]:
                self._made[number] = _named(name)
            case ["method", owner, str(name)]:
                made = yield owner
                self._made[number] = types.MethodType(_method(type(made), name), made)
            case ["unseeded"]:
                self._made[number] = random.Random(0)
            case ["RandomState", state]:
                self._made[number] = np.random.RandomState(0)
                self._made[number].set_state((yield state))
            case ["Generator", state]:
                restored = yield state
                self._made[number] = np.random.Generator(_BIT_GENERATORS[restored["bit_generator"]](0))
                self._made[number].bit_generator.state = restored
            case [("new" | "call") as how, str(name), arguments, state, items, pairs]:
                made = self._made[number] = self._object(how, name, (yield from _each(arguments)))
                self._fill(made, (yield state), (yield from _each(items)), (yield from _each_pair(pairs)))
            case _:
                raise ValueError(f"entry {number} is of no known form, or contains itself")

    def _object(self, how: str, name: str, arguments: list[Any]) -> Any:
        kind = _named(name)
        if not isinstance(kind, type):
            raise TypeError(f"{name} is no class")
        return kind.__new__(kind, *arguments) if how == "new" else kind(*arguments)

    def _fill(self, made: Any, state: Any, items: list[Any], pairs: list[list[Any]]) -> None:
        if state is not None and hasattr(made, "__setstate__"):
            made.__setstate__(state)
        elif state is not None:
            attributes, slots = state if isinstance(state, tuple) else (state, None)
            for name, value in {**(attributes or {}), **(slots or {})}.items():
                object.__setattr__(made, name, value)
        for item in items:
            made.append(item)
        for key, value in pairs:
            made[key] = value
