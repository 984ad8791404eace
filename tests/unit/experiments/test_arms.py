"""Arms are assigned by a salted hash: each share is met, nobody moves, and salts know nothing of each other."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ConfigurationError
from recsys.experiments.arms import ADAPTIVE, CONTROL, assign, place

UNITS = [f"visitor-{number}" for number in range(20_000)]
shares = st.floats(0.0, 1.0)


def controls(salt: str, share: float) -> np.ndarray:
    return np.array([assign(unit, salt, share) == CONTROL for unit in UNITS])


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_share_of_the_control_arm_is_met_within_four_standard_deviations(share):
    deviation = np.sqrt(share * (1 - share) / len(UNITS))
    assert abs(controls("spring", share).mean() - share) < 4 * deviation


@given(st.text(), st.text(), shares)
def test_unit_is_assigned_the_same_each_time(unit, salt, share):
    assert assign(unit, salt, share) == assign(unit, salt, share)


def test_another_process_under_another_hash_seed_assigns_the_same():
    code = "import sys; from recsys.experiments.arms import place; print(repr(place('visitor-7', 'spring')))"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert float(told.stdout) == place("visitor-7", "spring")


@given(st.text(), st.text(), shares, shares)
def test_larger_share_moves_nobody_out_of_the_control_arm(unit, salt, one, other):
    smaller, larger = sorted((one, other))
    if assign(unit, salt, smaller) == CONTROL:
        assert assign(unit, salt, larger) == CONTROL


@given(st.text(), st.text())
def test_share_of_nothing_has_no_control_and_of_everything_only_that(unit, salt):
    assert assign(unit, salt, 0.0) == ADAPTIVE
    assert assign(unit, salt, 1.0) == CONTROL


def test_arms_under_one_salt_say_nothing_about_those_under_another():
    spring, autumn = controls("spring", 0.5), controls("autumn", 0.5)
    both = (spring & autumn).mean()
    assert abs(both - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(UNITS))


def test_salt_and_unit_are_told_apart_where_they_meet():
    assert place("bc", "a") != place("c", "ab")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_share_that_is_none_is_refused(share):
    with pytest.raises(ConfigurationError, match="from 0 to 1"):
        assign("visitor-7", "spring", share)
