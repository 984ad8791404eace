"""River objects survive being bytes, equal state has equal bytes, and bytes cannot name what is not River's."""

import collections
import contextlib
import functools
import math
import random
import threading
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from river import compose, drift, ensemble, forest, linear_model, naive_bayes, optim, preprocessing, stats, tree, utils

from recsys.errors import ConfigurationError, CorruptState
from recsys.models.river_state import decode, encode

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)


def _has_no_nan(value: Any) -> bool:
    return all(map(_has_no_nan, value)) if isinstance(value, tuple) else value == value


HASHABLES = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner), max_leaves=4)
VALUES = st.recursive(
    HASHABLES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(HASHABLES, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(HASHABLES.filter(_has_no_nan), max_size=3)  # two NaN have no order to compare
    ),
    max_leaves=8,
)

CLASSIFIERS = {
    "scaled logistic": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "rolling scaler": lambda: preprocessing.StandardScaler(window_size=5) | linear_model.LogisticRegression(),
    "l1, Adam": lambda: linear_model.LogisticRegression(optim.Adam(), l1=0.01),
    "bound method": lambda: linear_model.PAClassifier(mode=2),
    "union": lambda: (preprocessing.StandardScaler() + preprocessing.MinMaxScaler()) | linear_model.Perceptron(),
    "compiled quantiles": lambda: preprocessing.RobustScaler() | linear_model.LogisticRegression(),
    "naive Bayes": naive_bayes.GaussianNB,
    "tree": lambda: tree.HoeffdingTreeClassifier(grace_period=20),
    "drifting tree": lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=20, seed=1),
    "random ensemble": lambda: ensemble.BaggingClassifier(linear_model.LogisticRegression(), seed=3),
}


def rows(count: int, seed: int) -> list[tuple[dict[str, float], bool]]:
    """Return examples whose label leans on the first feature."""
    rng = random.Random(seed)
    features = [{f"x{i}": rng.gauss(0.0, 1.0) for i in range(6)} for _ in range(count)]
    return [(x, x["x0"] + rng.gauss(0.0, 0.5) > 0.0) for x in features]


@pytest.mark.parametrize("make", CLASSIFIERS.values(), ids=CLASSIFIERS.keys())
def test_a_classifier_comes_back_as_it_was_and_goes_on_learning_the_same(make: Any) -> None:
    original = make()
    for x, y in rows(150, seed=1):
        original.learn_one(x, y)
    payload = encode(original)

    copy = decode(payload)

    assert encode(copy) == payload
    for x, y in rows(150, seed=2):
        assert copy.predict_proba_one(x) == original.predict_proba_one(x)
        copy.learn_one(x, y)
        original.learn_one(x, y)
    assert encode(copy) == encode(original) != payload


@given(value=VALUES)
@example(value=[1 << 80, -(1 << 63) - 1, math.inf, -0.0])
def test_plain_values_come_back_equal_and_of_the_same_types(value: Any) -> None:
    payload = encode(value)

    assert repr(decode(payload)) == repr(value) or decode(payload) == value
    assert encode(decode(payload)) == payload


@pytest.mark.parametrize(
    "value",
    [
        collections.Counter("aab"),
        collections.OrderedDict(b=1, a=2),
        collections.deque([1, 2], maxlen=3),
        collections.defaultdict(float, {"x": 1.0}),
        {1, "a", (2.0, None)},
        utils.VectorDict({"a": 1.5}, optim.initializers.Zeros()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_containers_keep_their_type_order_and_bounds(value: Any) -> None:
    copy = decode(encode(value))

    assert type(copy) is type(value)
    assert copy == value
    assert getattr(copy, "maxlen", None) == getattr(value, "maxlen", None)
    assert getattr(copy, "default_factory", None) == getattr(value, "default_factory", None)


@pytest.mark.parametrize("dtype", ["?", "u1", "<i8", ">i4", "<f4", "<f8", "<U3"])
def test_arrays_keep_dtype_and_shape_and_can_be_written_to(dtype: str) -> None:
    array = np.arange(6).reshape(3, 2).astype(dtype)

    copy = decode(encode(array))

    assert np.array_equal(copy, array)
    assert copy.dtype == array.dtype.newbyteorder("<")
    copy[0, 0] = copy[1, 1]
    assert isinstance(decode(encode(np.float32(0.1))), np.float32)


@pytest.mark.parametrize(
    "generator",
    [random.Random(5), np.random.RandomState(5), np.random.default_rng(5)],
    ids=["random", "legacy", "numpy"],
)
def test_random_generators_go_on_where_they_were(generator: Any) -> None:
    generator.random()

    copy = decode(encode(generator))

    assert [copy.random() for _ in range(5)] == [generator.random() for _ in range(5)]


def test_what_the_system_seeded_is_no_state_where_nothing_draws_from_it() -> None:
    one, other = naive_bayes.GaussianNB(), naive_bayes.GaussianNB()
    for x, y in rows(5, seed=1):
        one.learn_one(x, y)
        other.learn_one(x, y)

    assert encode(one) == encode(other) == encode(decode(encode(one)))


def test_what_was_shared_stays_shared_and_cycles_close() -> None:
    shared: list[Any] = [1]
    cycle: dict[str, Any] = {"one": shared, "two": shared}
    cycle["self"] = cycle

    copy = decode(encode(cycle))

    assert copy["one"] is copy["two"] is not shared
    assert copy["self"] is copy


def test_equal_constants_give_equal_bytes_whether_or_not_they_are_one_object() -> None:
    one = (1, int("9" * 30))
    other = (1, int("9" * 30))

    assert encode([one, one]) == encode([one, other])


def test_a_set_has_the_same_bytes_however_it_was_filled() -> None:
    names = [f"feature {number}" for number in range(100)]

    backwards: set[str] = set()
    for name in reversed(names):
        backwards.add(name)

    assert encode(set(names)) == encode(backwards)


class Foreign:
    """Not River's."""


@pytest.mark.parametrize(
    "value",
    [
        lambda x: x,
        Foreign(),
        Foreign,
        Foreign().__init__,
        print,
        np.array([object()]),
        threading.Lock(),
        iter([1]),
        {Foreign()},
        compose.FuncTransformer(lambda x: x),
        functools.partial(print),
        drift,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_could_not_be_put_together_again_is_refused_by_name_and_place(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"in dict > list"):
        encode({"here": [value]})


def forged(*entries: list[Any]) -> bytes:
    return msgspec.msgpack.encode([[0], list(entries)])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode([[0], []]),
        msgspec.msgpack.encode([[0, 1], [["list", []]]]),
        forged(["name", "os:system"]),
        forged(["name", "builtins:eval"]),
        forged(["name", "river.base.base:sys.exit"]),
        forged(["name", "river.base.base:copy"]),
        forged(["name", "river.nowhere:Thing"]),
        forged(["name", "riverside.module:Thing"]),
        forged(["call", "river.utils.math:minkowski_distance", [], None, [], []]),
        forged(["call", "subprocess:Popen", ["true"], None, [], []]),
        forged(["new", "river.stats.mean:Mean", [], [1], [], []], ["dict", [[1, 2]]]),
        forged(["new", "river.stats.mean:Mean", [], 5, [], []]),
        forged(["method", [1], "__class__"], ["new", "river.stats.mean:Mean", [], None, [], []]),
        forged(["tuple", [[0]]]),
        forged(["array", "O", [1], b"12345678"]),
        forged(["array", "<f8", [2], b"12345678"]),
        forged(["int", "one"]),
        forged(["Generator", [1]], ["dict", [["bit_generator", "None"]]]),
        forged(["unknown", 1]),
        forged([]),
    ],
)
def test_bytes_that_encode_never_wrote_are_corrupt(payload: bytes) -> None:
    with pytest.raises(CorruptState):
        decode(payload)


PAYLOAD = encode(preprocessing.StandardScaler() | linear_model.LogisticRegression())


@given(place=st.integers(0, len(PAYLOAD) - 1), byte=st.integers(0, 255))
def test_a_flipped_byte_is_corrupt_or_harmless(place: int, byte: int) -> None:
    damaged = PAYLOAD[:place] + bytes([byte]) + PAYLOAD[place + 1 :]
    with contextlib.suppress(CorruptState):
        decode(damaged)


def test_statistics_of_rivers_compiled_core_come_back() -> None:
    quantile = stats.Quantile(0.9)
    for value in range(50):
        quantile.update(value)

    copy = decode(encode(quantile))

    copy.update(60)
    quantile.update(60)
    assert copy.get() == quantile.get()


def test_a_tree_deeper_than_pythons_stack_comes_back() -> None:
    forest_of_one = forest.AMFClassifier(n_estimators=1, seed=1)
    for number in range(500):  # each point far beyond those before splits the root again
        forest_of_one.learn_one({"x": 2.0**number}, number % 2 == 0)
    payload = encode(forest_of_one)
    assert encode(decode(payload)) == payload
