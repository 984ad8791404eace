"""The configuration names a lineage and refuses what the engine can't work with."""

import dataclasses
import math
from typing import Any

import pytest

from recsys.config import EngineConfig
from recsys.errors import ConfigurationError


def test_equal_configurations_have_one_digest() -> None:
    assert EngineConfig().digest() == EngineConfig(slate_size=12).digest()


def with_field(field: str, value: Any) -> EngineConfig:
    return dataclasses.replace(EngineConfig(), **{field: value})


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EngineConfig)])
def test_every_field_counts_in_the_digest(field: str) -> None:
    value = getattr(EngineConfig(), field)
    changed = f"{value}-2" if isinstance(value, str) else value + (1 if isinstance(value, int) else 0.5)
    assert with_field(field, changed).digest() != EngineConfig().digest()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EngineConfig) if field.type is int])
def test_whole_numbers_start_at_one(field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{field} must be 1 or more, received 0"):
        with_field(field, 0)


@pytest.mark.parametrize("field", ["exploration", "curiosity", "diversity", "calibration"])
def test_what_a_draw_is_made_of_may_be_zero_but_not_negative(field: str) -> None:
    assert getattr(with_field(field, 0.0), field) == 0.0
    for value in (-0.1, math.nan, math.inf):
        with pytest.raises(ConfigurationError, match=f"{field} must be 0 or more and finite, received {value}"):
            with_field(field, value)
