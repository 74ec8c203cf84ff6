"""A dead letter: the record as it was, and why it could not be handled."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final, NamedTuple

from pat_events.core.record import Record

if TYPE_CHECKING:
    from pat_events.core.record import Delivery, Header, Headers

# Text a handler produced goes into headers, so it is cut: an exception with a
# payload in its message must not make the dead letter larger than the broker takes.
MAX_MESSAGE_BYTES: Final = 1_000
MAX_STACK_BYTES: Final = 4_000

KIP_1191: Final = "__dlq.errors."
OWN: Final = "pat-dlq-"


class Cause(NamedTuple):
    """Why an event is given up. Times are milliseconds since 1970."""

    group: str
    handler: str
    reason: str
    error: BaseException
    attempts: int
    first_failed_ms: int
    last_failed_ms: int


def dead_letter(delivery: Delivery, topic: str, cause: Cause) -> Record:
    """Return the record to write to the dead-letter topic.

    Key, value and headers are the original's bytes; dead-letter headers of an
    earlier life are replaced. The original timestamp stays the record's own.
    """
    headers: list[Header] = [
        (key, value) for key, value in delivery.headers if not key.startswith((KIP_1191, OWN))
    ]
    headers.extend(_cause_headers(delivery, cause))
    return Record(topic, delivery.key, delivery.value, headers, delivery.timestamp_ms)


def _cause_headers(delivery: Delivery, cause: Cause) -> Headers:
    error = cause.error
    fields = {
        f"{KIP_1191}topic": delivery.topic,
        f"{KIP_1191}partition": str(delivery.partition),
        f"{KIP_1191}offset": str(delivery.offset),
        f"{KIP_1191}group": cause.group,
        f"{KIP_1191}delivery.count": str(cause.attempts),
        f"{KIP_1191}message": _message(error),
        f"{OWN}reason": cause.reason,
        f"{OWN}attempts": str(cause.attempts),
        f"{OWN}handler": cause.handler,
        f"{OWN}error-class": f"{type(error).__module__}.{type(error).__qualname__}",
        f"{OWN}root-cause-class": _root_cause(error),
        f"{OWN}stacktrace": _end_of_stack(error),
        f"{OWN}first-failed-ms": str(cause.first_failed_ms),
        f"{OWN}last-failed-ms": str(cause.last_failed_ms),
    }
    return [(key, value.encode(errors="replace")) for key, value in fields.items()]


def _message(error: BaseException) -> str:
    try:
        text = f"{error}"
    except Exception as unreadable:  # noqa: BLE001 - a handler's own class, with any fault
        text = f"(its text cannot be read: {type(unreadable).__name__})"
    return text.encode(errors="replace")[:MAX_MESSAGE_BYTES].decode(errors="ignore")


def _root_cause(error: BaseException) -> str:
    # "raise a from b" inside the handling of a from b makes a ring.
    seen = set[int]()
    while error.__cause__ is not None and id(error) not in seen:
        seen.add(id(error))
        error = error.__cause__
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _end_of_stack(error: BaseException) -> str:
    # The end of a stack names the error and the line, the beginning only how it was called.
    try:
        stack = "".join(traceback.format_exception(error)).encode(errors="replace")
    except Exception as unreadable:  # noqa: BLE001 - as above
        return f"(its stack cannot be read: {type(unreadable).__name__})"
    return stack[-MAX_STACK_BYTES:].decode(errors="ignore")
