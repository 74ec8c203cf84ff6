from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pat_events.core.recovery.retry import RetryPolicy
from pat_events.errors import ConfigError, PermanentError, TransientError

policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 1_000_000),
    first_delay_s=st.floats(0, sys.float_info.max),
    multiplier=st.floats(1, 1_000),
    max_delay_s=st.floats(0, 1e9),
    jitter=st.floats(0, 1),
)
shares = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 10**9), shares)
def test_no_wait_is_longer_than_max_delay_or_shorter_than_its_jitter_leaves(
    policy, attempt, random
):
    wait = policy.delay_s(attempt, random)
    assert 0 <= wait <= policy.max_delay_s
    full = policy.delay_s(attempt, 0.0)
    assert wait == pytest.approx(full * (1 - policy.jitter * random))


@given(policies, st.integers(1, 10_000))
def test_waits_without_jitter_never_shrink(policy, attempt):
    assert policy.delay_s(attempt + 1, 0.0) >= policy.delay_s(attempt, 0.0)


def test_waits_grow_by_the_multiplier_up_to_the_limit():
    policy = RetryPolicy(first_delay_s=0.2, multiplier=4, max_delay_s=5, jitter=0)
    assert [policy.delay_s(n, 0.9) for n in (1, 2, 3, 4)] == pytest.approx([0.2, 0.8, 3.2, 5])


def test_retry_after_is_the_shortest_wait():
    policy = RetryPolicy(first_delay_s=1, jitter=0)
    assert policy.delay_s(1, 0.0, TransientError(retry_after_s=7)) == 7
    assert policy.delay_s(1, 0.0, TransientError(retry_after_s=0.5)) == 1
    assert policy.delay_s(1, 0.0, TransientError("no time given")) == 1


class UnreadableError(TransientError):
    @property
    def retry_after_s(self):
        raise KeyError("Retry-After")

    @retry_after_s.setter
    def retry_after_s(self, value):
        """Ignored."""


class ComputedError(TransientError):
    def __init__(self, wish):
        super().__init__()
        self.wish = wish

    @property
    def retry_after_s(self):
        return self.wish

    @retry_after_s.setter
    def retry_after_s(self, value):
        """Ignored."""


@pytest.mark.parametrize(
    "error",
    [ComputedError(wish) for wish in (math.nan, math.inf, -1, "7", 10**400)] + [UnreadableError()],
    ids=["nan", "inf", "negative", "text", "beyond every float", "unreadable"],
)
def test_a_retry_after_that_is_no_time_is_no_wish(error):
    assert RetryPolicy(first_delay_s=1, jitter=0).delay_s(1, 0.0, error) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempts", 0),
        ("attempts", -1),
        ("attempts", math.inf),
        ("attempts", math.nan),
        ("first_delay_s", -0.1),
        ("first_delay_s", math.inf),
        ("first_delay_s", math.nan),
        ("max_delay_s", -1),
        ("max_delay_s", math.inf),
        ("multiplier", 0.5),
        ("multiplier", math.nan),
        ("multiplier", math.inf),
        ("multiplier", 1e5),
        ("jitter", -0.1),
        ("jitter", 1.1),
        ("jitter", math.nan),
    ],
)
def test_an_impossible_value_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=rf"RetryPolicy\.{field} is .*: "):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError(), True),
        (KeyboardInterrupt(), True),
        (PermanentError(), False),
        (TransientError(), True),
    ],
)
def test_everything_but_permanent_errors_is_retried_by_default(error, expected):
    assert RetryPolicy().retries(error) is expected


def test_give_up_on_wins_over_retry_on():
    policy = RetryPolicy(retry_on=(OSError,), give_up_on=(FileNotFoundError,))
    assert policy.retries(PermissionError())
    assert not policy.retries(FileNotFoundError())
    assert not policy.retries(ValueError())
