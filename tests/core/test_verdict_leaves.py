"""What an exception group holds, and what an error was raised from, decides."""

from __future__ import annotations

import pytest

from pat_events.core.recovery.retry import RetryPolicy
from pat_events.core.recovery.verdict import DeadLetter, Hold, Retry, decide, hold_s
from pat_events.errors import (
    BufferFullError,
    ClosedError,
    CodecError,
    HandlerTimeoutError,
    HoldError,
    NotDeliveredError,
    PermanentError,
    TopicMissingError,
    TransientError,
    TransportTimeoutError,
)

POLICY = RetryPolicy(attempts=3, first_delay_s=1, jitter=0)
NOW = 100.0
HELD = Hold(NOW + hold_s(1))


def verdict(error, policy=POLICY, attempt=1):
    return decide(error, attempt=attempt, holds=0, policy=policy, now=NOW, random=0.5)


def group(*errors):
    return BaseExceptionGroup("unhandled errors in a TaskGroup", errors)


def caused(error, cause):
    try:
        raise error from cause
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (group(HoldError()), HELD),
        (group(ValueError(), group(KeyError(), HoldError())), HELD),
        (group(PermanentError(), HoldError()), HELD),
        (group(PermanentError(), BufferFullError()), HELD),
        (group(ValueError(), CodecError()), DeadLetter("undecodable")),
        (group(ValueError(), group(PermanentError())), DeadLetter("rejected")),
        (group(TransientError(retry_after_s=5), ValueError()), Retry(105)),
        (
            group(TransientError(retry_after_s=5), group(TransientError(retry_after_s=9))),
            Retry(109),
        ),
        (group(ValueError(), KeyError()), Retry(101)),
        (group(KeyboardInterrupt()), Retry(101)),
        (group(HoldError(), TransientError(retry_after_s=9)), Hold(109)),
    ],
)
def test_a_group_is_held_rejected_or_retried_as_its_leaves_are(error, expected):
    assert verdict(error) == expected


def test_the_attempts_of_a_group_run_out_as_those_of_any_error():
    assert verdict(group(ValueError()), attempt=3) == DeadLetter("attempts-exhausted")
    assert verdict(group(HandlerTimeoutError()), attempt=3) == DeadLetter("timeout")


def test_retry_on_and_give_up_on_are_asked_about_the_leaves():
    policy = RetryPolicy(retry_on=(OSError,), give_up_on=(FileNotFoundError,))
    assert policy.retries(group(OSError(), group(PermissionError())))
    assert not policy.retries(group(OSError(), ValueError()))
    assert not policy.retries(group(OSError(), group(FileNotFoundError())))
    assert verdict(group(OSError(), ValueError()), policy) == DeadLetter("not-retried")


class HopelessGroupError(ExceptionGroup):
    """A group that is itself what a policy gives up on."""


def test_a_group_may_be_what_a_policy_gives_up_on():
    policy = RetryPolicy(give_up_on=(HopelessGroupError,))
    assert not policy.retries(HopelessGroupError("", [ValueError()]))
    assert policy.retries(ExceptionGroup("", [ValueError()]))


@pytest.mark.parametrize(
    "outage",
    [
        BufferFullError("full"),
        TransportTimeoutError("no answer"),
        TopicMissingError("not yet"),
        NotDeliveredError("flushed in vain", []),
        ClosedError("the service ends"),
        HoldError("not now"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda error: error,
        lambda error: caused(RuntimeError("could not save"), error),
        lambda error: caused(RuntimeError("outer"), caused(KeyError("inner"), error)),
        lambda error: caused(RuntimeError("outer"), group(error)),
        lambda error: group(ValueError(), caused(RuntimeError("could not save"), error)),
    ],
    ids=["itself", "cause", "cause of the cause", "group as the cause", "cause in a group"],
)
def test_an_outage_of_publishing_is_held_also_as_the_cause_of_another_error(outage, wrap):
    only_values = RetryPolicy(attempts=1, retry_on=(ValueError,))
    assert verdict(wrap(outage)) == HELD
    assert verdict(wrap(outage), only_values) == HELD


def test_who_gives_up_because_of_an_outage_has_given_up():
    assert verdict(caused(PermanentError(), BufferFullError())) == DeadLetter("rejected")
    policy = RetryPolicy(give_up_on=(KeyError,))
    assert verdict(caused(KeyError(), BufferFullError()), policy) == DeadLetter("not-retried")


def test_an_error_raised_while_another_was_handled_is_not_caused_by_it():
    error = ValueError()
    error.__context__ = BufferFullError()
    assert verdict(error) == Retry(101)


def test_causes_in_a_ring_end():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert verdict(first) == Retry(101)
