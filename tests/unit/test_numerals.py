"""Whatever stands in an address where a number should: read as one, or as none, and never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.numerals import LARGEST, number_named

#: More digits than Python turns into a number before it refuses.
MANY = 5_000


@given(st.integers(0, LARGEST), st.integers(0, MANY))
def test_number_is_read_however_many_zeros_stand_before_it(number: int, zeros: int):
    assert number_named("0" * zeros + str(number)) == number


@given(st.text("123456789", min_size=19, max_size=MANY))
def test_number_of_thousands_of_digits_is_the_largest(digits: str):
    assert number_named(digits) == LARGEST


@given(st.text())
def test_any_text_is_a_number_within_bounds_or_none(text: str):
    found = number_named(text)
    plain = text != "" and all("0" <= letter <= "9" for letter in text)
    assert (found is not None) == plain
    assert found is None or 0 <= found <= LARGEST


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "-1", "+1", "1.0", "1e3", "1_000", "0x1", "१", "¹", "½", "\x00", "-" * MANY]
)
def test_what_is_not_written_in_plain_digits_names_no_number(text: str):
    assert number_named(text) is None
