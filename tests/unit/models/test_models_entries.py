"""What those want who come alike: learned from first choices, shrunk, additive, and nothing where all are alike."""

import numpy as np
import pytest

from recsys.errors import CorruptState
from recsys.events import Device, EntryPage, Referrer
from recsys.layout import ENTRY, TASTES
from recsys.models.entries import CLASSES, VARIANCE, Entries, class_of, hour_class
from recsys.models.spread import SMALLEST

#: Items about one of three things.
ITEMS = np.eye(3, TASTES, dtype=np.float32)
ROWS = np.arange(3)
EVEN = np.zeros(3)
PHONE, DESKTOP = class_of("device", "phone"), class_of("device", "desktop")
HOUR_MS = 3_600_000


def learn(entries: Entries, classes: tuple[int, ...], chosen: int, now_ms: int = 0, fading: float = 0.0) -> None:
    entries.learn(classes, ITEMS, ROWS, chosen, EVEN, now_ms, fading)


def taught(times: int = 40) -> Entries:
    """Return beliefs after as many phones chose the first thing as desktops chose the second."""
    entries = Entries()
    for _ in range(times):
        learn(entries, (PHONE,), 0)
        learn(entries, (DESKTOP,), 1)
    return entries


def test_each_class_has_a_place_of_its_own_and_what_is_unknown_has_none() -> None:
    places = [class_of(factor, name) for factor, names in ENTRY.items() for name in names]
    assert places == list(range(CLASSES))
    assert [class_of(factor, "unknown") for factor in ENTRY] == [None] * len(ENTRY)
    assert all(kinds.__args__[0] == "unknown" for kinds in (Referrer, EntryPage, Device))


def test_hour_of_the_day_is_the_class_whatever_the_day() -> None:
    names = [
        ENTRY["hour"][hour_class(20_000 * 24 * HOUR_MS + hour * HOUR_MS) - class_of("hour", "0-3")]
        for hour in range(24)
    ]
    assert names == [name for name in ENTRY["hour"] for _ in range(3)]


def test_a_class_is_expected_to_want_what_its_visits_chose_and_others_nothing() -> None:
    entries = taught()
    wanted = entries.wanted((PHONE,), 0, 0.0)
    assert wanted[0] > 0.1 and wanted[1] < 0.0 and not wanted[3:].any()
    assert not entries.wanted((hour_class(0),), 0, 0.0).any()
    assert not entries.wanted((), 0, 0.0).any()


def test_what_classes_of_several_factors_want_adds_up() -> None:
    entries = taught()
    learn(entries, (class_of("referrer", "search"),), 2)
    apart = [entries.wanted((one,), 0, 0.0) for one in (PHONE, class_of("referrer", "search"))]
    np.testing.assert_array_equal(entries.wanted((PHONE, class_of("referrer", "search")), 0, 0.0), sum(apart))


def test_evidence_fades_to_nothing() -> None:
    entries, fading = taught(), np.log(2.0) / HOUR_MS
    now, later, never = (entries.wanted((PHONE,), at, fading)[0] for at in (0, HOUR_MS, 1_000 * HOUR_MS))
    assert 0.0 < later < now
    assert never == pytest.approx(0.0, abs=1e-12)


def test_evidence_is_a_sum_over_choices_that_were_linearised_alike() -> None:
    # At a belief of 0, each choice adds the same whatever came before it in another class.
    one, other, both = Entries(), Entries(), Entries()
    learn(one, (PHONE,), 0)
    learn(other, (DESKTOP,), 1)
    learn(both, (PHONE,), 0)
    learn(both, (DESKTOP,), 1)
    for name in ("information", "shift"):
        np.testing.assert_array_equal(both.state()[name], one.state()[name] + other.state()[name])


def test_where_classes_do_not_differ_what_is_expected_of_them_stays_small() -> None:
    entries, random = Entries(), np.random.default_rng(3)
    for _ in range(3_000):
        learn(entries, (int(random.choice([PHONE, DESKTOP])),), int(random.integers(3)))
    device = list(ENTRY).index("device")
    assert (entries.variance()[device, :3] < 2 * VARIANCE).all()
    assert np.abs(entries.wanted((PHONE,), 0, 0.0)).max() < 0.15


def test_where_classes_differ_the_spread_grows() -> None:
    device = list(ENTRY).index("device")
    variance = taught(300).variance()[device]
    assert variance[0] > 2 * VARIANCE and (variance[3:] == VARIANCE).all()
    assert (variance >= SMALLEST).all()


def test_that_something_was_chosen_is_given() -> None:
    doubtful, sure = Entries(), Entries()
    for entries, level in ((doubtful, -3.0), (sure, 5.0)):
        entries.learn((PHONE,), ITEMS, ROWS, 0, EVEN + level, 0, 0.0)
    np.testing.assert_allclose(sure.wanted((PHONE,), 0, 0.0), doubtful.wanted((PHONE,), 0, 0.0))


def test_what_everybody_chooses_says_nothing_of_a_class() -> None:
    plain, expected = Entries(), Entries()
    plain.learn((PHONE,), ITEMS, ROWS, 0, EVEN, 0, 0.0)
    expected.learn((PHONE,), ITEMS, ROWS, 0, np.array([8.0, 0.0, 0.0]), 0, 0.0)
    assert 0.0 < expected.wanted((PHONE,), 0, 0.0)[0] < plain.wanted((PHONE,), 0, 0.0)[0] / 100.0


def test_beliefs_go_on_from_their_state_and_refuse_another() -> None:
    entries, copy = taught(), Entries()
    copy.restore({name: array.copy() for name, array in entries.state().items()})
    for each in (entries, copy):
        learn(each, (PHONE,), 2, now_ms=HOUR_MS, fading=1e-7)
    for name, array in entries.state().items():
        np.testing.assert_array_equal(copy.state()[name], array)
    with pytest.raises(CorruptState, match="shift"):
        copy.restore(entries.state() | {"shift": np.zeros(3)})
