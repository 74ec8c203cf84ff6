"""What happens to an event whose handler failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pat_events.errors import (
    CodecError,
    HandlerTimeoutError,
    HoldError,
    PermanentError,
    SchemaError,
    UnknownEventError,
)

if TYPE_CHECKING:
    from pat_events.core.retry import RetryPolicy

# Waits while something an event needs is out of order: not attempts of a
# handler, so not the handler's policy. No end: a held event is never skipped.
HOLD_FIRST_S: Final = 0.5
HOLD_MAX_S: Final = 30.0


class Retry(NamedTuple):
    """Try again at this time of the monotonic clock, in seconds."""

    at: float


class DeadLetter(NamedTuple):
    """Give up: write a dead letter. ``reason`` is a short, countable word."""

    reason: str


class Hold(NamedTuple):
    """Keep the event, and ask again at this time of the monotonic clock, in seconds."""

    until: float


Verdict: TypeAlias = Retry | DeadLetter | Hold


def decide(
    error: BaseException,
    *,
    attempt: int,
    holds: int,
    policy: RetryPolicy,
    now: float,
    random: float,
) -> Verdict:
    """Decide what becomes of an event whose handling raised ``error``.

    Args:
        error: What the handler, the decoder or the engine raised.
        attempt: The attempt that failed, 1 for the first.
        holds: How often the event was held before.
        policy: The handler's retry policy.
        now: The monotonic clock, in seconds.
        random: A random number in [0, 1) for jitter.
    """
    if isinstance(error, HoldError):
        return Hold(now + hold_s(holds + 1))
    if not policy.retries(error):
        return DeadLetter(reason_of(error))
    if attempt >= policy.attempts:
        timed_out = isinstance(error, HandlerTimeoutError)
        return DeadLetter("timeout" if timed_out else "attempts-exhausted")
    return Retry(now + policy.delay_s(attempt, random, error))


def hold_s(times: int) -> float:
    """Return how long to hold after the given number of tries, in seconds."""
    return min(HOLD_FIRST_S * 2.0 ** min(times - 1, 16), HOLD_MAX_S)


def reason_of(error: BaseException) -> str:
    """Return the reason under which a hopeless error is counted."""
    if isinstance(error, UnknownEventError):
        return "unknown-event"
    if isinstance(error, CodecError):
        return "undecodable"
    if isinstance(error, SchemaError):
        return "schema"
    return "rejected" if isinstance(error, PermanentError) else "not-retried"
