"""Values of the wrong type are refused where a policy is made, by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pat_events.core.recovery.retry import RetryPolicy
from pat_events.errors import ConfigError


@pytest.mark.parametrize(
    "field", ["attempts", "first_delay_s", "multiplier", "max_delay_s", "jitter"]
)
@pytest.mark.parametrize("value", ["5", None, [1], True, Decimal(1), 1j])
def test_what_is_no_number_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=rf"RetryPolicy\.{field} is .*: "):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize("value", [2.5, 2.0])
def test_attempts_are_whole(value):
    with pytest.raises(ConfigError, match=r"RetryPolicy\.attempts is 2\.\d, of type float: "):
        RetryPolicy(attempts=value)


def test_whole_numbers_of_seconds_are_fine():
    policy = RetryPolicy(attempts=2, first_delay_s=1, multiplier=2, max_delay_s=3, jitter=0)
    assert policy.delay_s(1, 0.0) == 1
