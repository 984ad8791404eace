"""A map that sets its older entries aside on disk is the same map, to the byte, wherever each entry stands."""

import os
import resource
import subprocess
import sys
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.spilling import LENT, SpillingMap

KEYS = st.sampled_from("abcdefg")
ACTS = st.lists(st.tuples(st.sampled_from(("put", "change", "pop", "pop oldest", "look")), KEYS), max_size=60)


def spilling(in_memory: int) -> SpillingMap[list[int]]:
    return SpillingMap(in_memory, msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[int]).decode)


@given(in_memory=st.integers(1, 4), acts=ACTS)
def test_it_is_an_ordered_map_whatever_stands_on_disk(in_memory: int, acts: list[tuple[str, str]]) -> None:
    spilled, plain = spilling(in_memory), dict[str, list[int]]()
    for number, (act, key) in enumerate(acts):
        if act == "put" and key not in plain:
            spilled.put(key, [number])
            plain[key] = [number]
        elif act == "change" and (found := spilled.get(key)) is not None:
            found.append(number)
            plain[key].append(number)
        elif act == "pop":
            assert spilled.pop(key) == plain.pop(key, None)
        elif act == "pop oldest" and (oldest := spilled.oldest()) is not None:
            assert spilled.pop(oldest[0]) == plain.pop(oldest[0])
        assert (key in spilled, len(spilled)) == (key in plain, len(plain))
        assert spilled.oldest() == next(iter(plain.items()), None)
    assert list(spilled.items()) == list(plain.items())
    assert msgspec.msgpack.decode(spilled.to_state()) == plain


@given(in_memory=st.integers(1, 4), acts=ACTS)
def test_what_is_somebodys_is_found_wherever_it_stands(in_memory: int, acts: list[tuple[str, str]]) -> None:
    def owner(value: list[int]) -> str | None:
        return None if value[0] % 3 == 0 else f"{value[0] % 3}"

    held = SpillingMap(in_memory, msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[int]).decode, owner)
    for number, (act, key) in enumerate(acts):
        if act == "put" and key not in held:
            held.put(key, [number])
        elif act == "pop":
            held.pop(key)
    again = SpillingMap(1, msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[int]).decode, owner)
    again.restore(held.to_state())
    for name in ("1", "2"):
        assert held.owned(name) == again.owned(name) == [key for key, value in held.items() if owner(value) == name]


def test_what_was_put_in_last_may_still_be_changed() -> None:
    held, value = spilling(1), [0]
    held.put("old", [1])
    held.put("new", value)
    value.append(7)
    assert held.pop("new") == [0, 7]
    with pytest.raises(ValueError, match="at least 1 entry in memory"):
        spilling(0)


@given(in_memory=st.integers(1, 4), later=st.integers(1, 4), values=st.lists(st.lists(st.integers(0, 300)), max_size=8))
def test_state_says_nothing_of_where_entries_stood(in_memory: int, later: int, values: list[list[int]]) -> None:
    maps = spilling(in_memory), spilling(100)
    for number, value in enumerate(values):
        for one in maps:
            one.put(str(number), list(value))
    state = maps[0].to_state()
    assert state == maps[1].to_state()
    restored = spilling(later)
    restored.put("gone", [1])
    restored.restore(state)
    assert restored.to_state() == state


def test_what_was_changed_is_written_back_when_many_others_were_read_since() -> None:
    held = spilling(1)
    for number in range(2 * LENT):
        held.put(str(number), [number])
    first = held.get("0")
    assert first is not None
    first.append(7)
    for number in range(1, 2 * LENT):
        held.get(str(number))
    assert held.get("0") == [0, 7]


def test_all_values_are_changed_wherever_they_stand() -> None:
    held = spilling(2)
    for number in range(LENT + 5):
        held.put(str(number), [number])
    held.get("3")
    held.change_all(lambda value: value.append(-1))
    assert [value for _, value in held.items()] == [[number, -1] for number in range(LENT + 5)]


def test_changing_all_values_holds_few_of_them_at_once() -> None:
    held = SpillingMap(1, msgspec.msgpack.encode, msgspec.msgpack.Decoder(bytearray).decode)
    for number in range(2_000):
        held.put(str(number), bytearray(10_000))
    tracemalloc.start()
    held.change_all(lambda value: value.append(1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000, "of 20 MB"


@pytest.mark.parametrize("state", [[1], {"a": "no list"}, {1: [2]}])
def test_another_state_is_refused(state: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        spilling(1).restore(msgspec.Raw(msgspec.msgpack.encode(state)))


FILLS_THE_DISK = """
from recsys.errors import StoreUnavailable
from recsys.spilling import SpillingMap

held = SpillingMap(1, bytes, bytes)

def fill():
    for number in range(100):
        held.put(str(number), bytes(100_000))

for act in (fill, held.to_state, lambda: list(held.items()), held.oldest):
    try:
        act()
    except StoreUnavailable as error:
        print(error)
"""


def test_a_full_disk_is_told_and_where() -> None:
    def few_bytes_a_file() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    told = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK],
        preexec_fn=few_bytes_a_file,
        capture_output=True,
        check=True,
        text=True,
        env=os.environ,
    )
    assert told.stdout.count("room in the folder for temporary files") == 4
