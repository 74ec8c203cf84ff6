"""What happens to an event whose handler failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pat_events.core.recovery.retry import leaves, wished_s
from pat_events.errors import (
    BufferFullError,
    ClaimCheckError,
    ClosedError,
    CodecError,
    HandlerTimeoutError,
    HoldError,
    NotDeliveredError,
    PermanentError,
    RecordTooLargeError,
    SchemaError,
    TransportError,
    UnknownEventError,
)

if TYPE_CHECKING:
    from pat_events.core.recovery.retry import RetryPolicy
    from pat_events.errors import PatEventsError

# Waits while something an event needs is out of order: not attempts of a
# handler, so not the handler's policy. No end: a held event is never skipped.
HOLD_FIRST_S: Final = 0.5
HOLD_MAX_S: Final = 30.0

# What hits every event alike until it is over: an outage of publishing, and a producer that its
# service closed before the group was done. Attempts spent on it would empty a topic into its dead
# letters. Of whichever producer of this package, and whoever raised it: an event held too long is
# in the log and in ``held``, one given up for no fault of its own is hard to find.
_HELD: Final = (HoldError, TransportError, BufferFullError, NotDeliveredError, ClosedError)


class Retry(NamedTuple):
    """Try again at this time of the monotonic clock, in seconds."""

    at: float


class DeadLetter(NamedTuple):
    """Give up: write a dead letter. ``reason`` is a short, countable word."""

    reason: str


class Hold(NamedTuple):
    """Keep the event, and ask again at this time of the monotonic clock, in seconds.

    ``exhausted`` where that is for its attempts, which are used up, and not for an outage.
    """

    until: float
    exhausted: bool = False


class WithoutValue(NamedTuple):
    """Write the dead letter once more, without its value."""


Verdict: TypeAlias = Retry | DeadLetter | Hold
LetterVerdict: TypeAlias = WithoutValue | Hold


def decide(
    error: BaseException,
    *,
    attempt: int,
    holds: int,
    policy: RetryPolicy,
    now: float,
    random: float,
    open_until: float | None = None,
    limited_until: float | None = None,
) -> Verdict:
    """Decide what becomes of an event whose handling raised ``error``.

    An exception group is decided by its leaves: one that holds holds it, else one that is hopeless
    rejects it, else the longest wish of ``retry_after_s`` is the shortest wait.

    Args:
        error: What the handler, the decoder or the engine raised.
        attempt: The attempt that failed, 1 for the first.
        holds: How often the event was held before.
        policy: The handler's retry policy.
        now: The monotonic clock, in seconds.
        random: A random number in [0, 1) for jitter.
        open_until: Until when the handler's breaker is open, if it is: then a failure that may be
            over soon is none of the event's attempts.
        limited_until: Until when the handler is not called as it gave up too many events, if so:
            then no failure counts, and none ends anything.
    """
    if open_until is not None and may_be_over_soon(error, policy):
        return Hold(open_until)
    if holds_back(error, policy):
        return Hold(now + max(hold_s(holds + 1), wished_s(error)))
    if limited_until is not None:
        return Hold(limited_until)
    if policy.retries(error):
        return _tried_again(error, attempt, holds, policy, now, random)
    hopeless = (leaf for leaf in leaves(error) if not policy.retries(leaf))
    return DeadLetter(reason_of(next(hopeless, error)))


def _tried_again(
    error: BaseException, attempt: int, holds: int, policy: RetryPolicy, now: float, random: float
) -> Verdict:
    delay_s = policy.delay_s(attempt, random, error)
    if attempt < policy.attempts:
        return Retry(now + delay_s)
    if policy.on_exhausted == "hold":
        return Hold(now + max(hold_s(holds + 1), delay_s), exhausted=True)
    timed_out = any(isinstance(leaf, HandlerTimeoutError) for leaf in leaves(error))
    return DeadLetter("timeout" if timed_out else "attempts-exhausted")


def decide_alone(
    error: BaseException,
    *,
    attempt: int,
    policy: RetryPolicy,
    now: float,
    random: float,
    open_until: float | None = None,
) -> Retry | Hold:
    """Decide what becomes of each event of a batch whose handler raised: it is tried by itself.

    Which event is to blame is unknown, so this counts as an attempt but ends nothing: a batch must
    not become dead letters for one of its events. The arguments are those of ``decide``.
    """
    if open_until is not None and may_be_over_soon(error, policy):
        return Hold(open_until)
    return Retry(now + policy.delay_s(attempt, random, error))


def may_be_over_soon(error: BaseException, policy: RetryPolicy) -> bool:
    """Tell whether this is trouble of what the handler depends on, not of its event.

    Neither is what holds the event anyway.
    """
    return (
        policy.retries(error)
        and not any(isinstance(leaf, PermanentError) for leaf in leaves(error))
        and not holds_back(error, policy)
    )


def gives_up(error: BaseException, *, attempt: int, policy: RetryPolicy) -> bool:
    """Tell whether ``decide`` ends with a dead letter, where nothing is open or passed."""
    if holds_back(error, policy):
        return False
    if not policy.retries(error):
        return True
    return attempt >= policy.attempts and policy.on_exhausted == "dead_letter"


def decide_letter(
    error: PatEventsError, *, tries: int, has_value: bool, now: float
) -> LetterVerdict:
    """Decide what becomes of a dead letter that was not written.

    One that is too large would stay so: unlike an outage nothing ends that. The next owner would
    meet it again, and one record would stop its partition.

    Args:
        error: What the sender settled it with.
        tries: How often it was sent.
        has_value: Whether it still has its value.
        now: The monotonic clock, in seconds.
    """
    if has_value and isinstance(error, RecordTooLargeError):
        return WithoutValue()
    return Hold(now + hold_s(tries))


def holds_back(error: BaseException, policy: RetryPolicy) -> bool:
    """Tell whether an event is kept because of this error, or of what it was raised ``from``.

    Who raises what the policy gives up on has decided, whatever the cause.
    """
    todo = [error]
    seen = set[int]()  # "raise a from b" inside the handling of a from b makes a ring.
    while todo:
        for leaf in leaves(todo.pop()):
            if isinstance(leaf, _HELD):
                return True
            if leaf.__cause__ is None or id(leaf) in seen or isinstance(leaf, policy.give_up_on):
                continue
            seen.add(id(leaf))
            todo.append(leaf.__cause__)
    return False


def hold_s(times: int) -> float:
    """Return how long to hold after the given number of tries, in seconds."""
    return min(HOLD_FIRST_S * 2.0 ** min(times - 1, 16), HOLD_MAX_S)


def reason_of(error: BaseException) -> str:
    """Return the reason under which a hopeless error is counted."""
    if isinstance(error, UnknownEventError):
        return "unknown-event"
    if isinstance(error, ClaimCheckError):
        return "claim-check"
    if isinstance(error, CodecError):
        return "undecodable"
    if isinstance(error, SchemaError):
        return "schema"
    return "rejected" if isinstance(error, PermanentError) else "not-retried"
