"""What command lines take for numbers, and what they say of anything else."""

from argparse import ArgumentTypeError

import pytest

from recsys.arguments import above_zero, number, whole_number

NO_NUMBERS = ["nan", "x", "", "1_0 0", "-5"]


@pytest.mark.parametrize("given", [*NO_NUMBERS, "0", "inf", "-inf"])
def test_rate_or_length_is_above_zero(given: str) -> None:
    assert above_zero("0.5") == 0.5
    with pytest.raises(ArgumentTypeError, match=f"a number above 0, received '{given}'"):
        above_zero(given)


@pytest.mark.parametrize("given", [*NO_NUMBERS, "0", "1.0", "\N{SUPERSCRIPT TWO}"])
def test_whole_number_is_not_less_than_it_may_be(given: str) -> None:
    assert (whole_number(0)("0"), whole_number(1)("12")) == (0, 12)
    with pytest.raises(ArgumentTypeError, match=f"a whole number from 1, received '{given}'"):
        whole_number(1)(given)


@pytest.mark.parametrize("given", [*NO_NUMBERS, "1.01", "inf"])
def test_number_lies_between_two(given: str) -> None:
    assert [number(0, 1)(inside) for inside in ("0", "0.25", "1")] == [0.0, 0.25, 1.0]
    with pytest.raises(ArgumentTypeError, match=f"a number from 0 to 1, received '{given}'"):
        number(0, 1)(given)
