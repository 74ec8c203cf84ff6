from __future__ import annotations

from dataclasses import replace

import pytest

from pat_events.core.recovery.retry import RetryPolicy
from pat_events.core.recovery.verdict import (
    HOLD_MAX_S,
    DeadLetter,
    Hold,
    Retry,
    WithoutValue,
    decide,
    decide_alone,
    decide_letter,
    gives_up,
    hold_s,
    reason_of,
)
from pat_events.errors import (
    CodecError,
    DeadLetterError,
    HandlerTimeoutError,
    HoldError,
    PermanentError,
    RecordTooLargeError,
    SchemaError,
    TransientError,
    TransportError,
    UnknownEventError,
)

POLICY = RetryPolicy(
    attempts=3,
    first_delay_s=1,
    multiplier=2,
    jitter=0,
    retry_on=(ValueError, TransientError, PermanentError),
)
HOLDS = replace(POLICY, on_exhausted="hold")
NOW = 100.0


@pytest.mark.parametrize(
    ("error", "attempt", "expected"),
    [
        (ValueError(), 1, Retry(101)),
        (ValueError(), 2, Retry(102)),
        (ValueError(), 3, DeadLetter("attempts-exhausted")),
        (ValueError(), 9, DeadLetter("attempts-exhausted")),
        (TransientError(retry_after_s=9), 1, Retry(109)),
        (HandlerTimeoutError(), 2, Retry(102)),
        (HandlerTimeoutError(), 3, DeadLetter("timeout")),
        (KeyError(), 1, DeadLetter("not-retried")),
        (PermanentError(), 1, DeadLetter("rejected")),
        (RecordTooLargeError(), 1, DeadLetter("rejected")),
        (UnknownEventError(), 1, DeadLetter("unknown-event")),
        (CodecError(), 1, DeadLetter("undecodable")),
        (SchemaError(), 1, DeadLetter("schema")),
        (HoldError(), 1, Hold(100.5)),
        (DeadLetterError(), 99, Hold(100.5)),
    ],
)
def test_the_verdict_follows_from_the_error_and_the_attempt(error, attempt, expected):
    assert decide(error, attempt=attempt, holds=0, policy=POLICY, now=NOW, random=0.5) == expected


def test_a_held_event_is_held_again_however_often():
    for holds in (0, 1, 10, 100_000):
        verdict = decide(HoldError(), attempt=1, holds=holds, policy=POLICY, now=NOW, random=0)
        assert verdict == Hold(NOW + hold_s(holds + 1))


def test_holds_grow_up_to_their_limit():
    waits = [hold_s(times) for times in range(1, 12)]
    assert waits[:3] == [0.5, 1.0, 2.0]
    assert waits == sorted(waits)
    assert waits[-1] == hold_s(10**9) == HOLD_MAX_S


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnknownEventError(), "unknown-event"),
        (CodecError(), "undecodable"),
        (SchemaError(), "schema"),
        (PermanentError(), "rejected"),
        (ValueError(), "not-retried"),
    ],
)
def test_every_hopeless_error_has_a_countable_reason(error, reason):
    assert reason_of(error) == reason


@pytest.mark.parametrize("error", [PermanentError(), KeyError(), ValueError()])
@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 1), (2, 2), (9, 30)])
def test_each_event_of_a_batch_that_failed_is_tried_alone_whatever_the_error(
    error, attempt, wait_s
):
    verdict = decide_alone(error, attempt=attempt, policy=POLICY, now=NOW, random=0.5)
    assert verdict == Retry(NOW + wait_s)


@pytest.mark.parametrize("tries", [1, 2, 10, 100_000])
def test_a_letter_that_cannot_be_written_is_held_however_often(tries):
    verdict = decide_letter(TransportError(), tries=tries, has_value=True, now=NOW)
    assert verdict == Hold(NOW + hold_s(tries))


def test_a_letter_that_is_too_large_goes_without_its_value_and_is_held_where_it_has_none():
    error = RecordTooLargeError()
    assert decide_letter(error, tries=1, has_value=True, now=NOW) == WithoutValue()
    assert decide_letter(error, tries=1, has_value=False, now=NOW) == Hold(NOW + hold_s(1))


@pytest.mark.parametrize(
    ("error", "attempt", "holds", "expected"),
    [
        (ValueError(), 2, 0, Retry(102)),
        (ValueError(), 3, 0, Hold(104, exhausted=True)),
        (HandlerTimeoutError(), 3, 0, Hold(104, exhausted=True)),
        (ValueError(), 9, 9, Hold(130, exhausted=True)),
        (TransientError(retry_after_s=90), 3, 0, Hold(190, exhausted=True)),
        (PermanentError(), 3, 0, DeadLetter("rejected")),
        (KeyError(), 3, 0, DeadLetter("not-retried")),
        (CodecError(), 3, 0, DeadLetter("undecodable")),
    ],
)
def test_where_attempts_that_run_out_hold_an_event_only_what_is_hopeless_is_given_up(
    error, attempt, holds, expected
):
    verdict = decide(error, attempt=attempt, holds=holds, policy=HOLDS, now=NOW, random=0.0)
    assert verdict == expected
    is_given_up = gives_up(error, attempt=attempt, policy=HOLDS)
    assert is_given_up is isinstance(expected, DeadLetter)


@pytest.mark.parametrize("error", [ValueError(), PermanentError(), CodecError()])
def test_past_the_dead_letter_limit_no_failure_ends_anything_or_is_an_attempt(error):
    verdict = decide(
        error, attempt=3, holds=0, policy=POLICY, now=NOW, random=0.0, limited_until=120.0
    )
    assert verdict == Hold(120.0)


def test_an_outage_holds_as_ever_past_the_dead_letter_limit():
    verdict = decide(
        HoldError(), attempt=1, holds=0, policy=POLICY, now=NOW, random=0.0, limited_until=120.0
    )
    assert verdict == Hold(100.5)
