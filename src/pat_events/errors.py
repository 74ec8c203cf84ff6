"""Every error this package raises, and what a caller or a consumer does with it.

::

    PatEventsError
    ├── ConfigError               fix the configuration; nothing was started
    │   └── CatalogError            the catalogue file: line and reason
    ├── PermanentError            reject: trying again cannot help
    │   ├── ClaimCheckError         a payload outside of the event that is not as the event says
    │   ├── CodecError              bytes that are not the event they claim to be
    │   ├── SchemaError             the event does not fit its schema
    │   ├── RecordTooLargeError     over a size limit: ours, the client's or the topic's
    │   └── UnknownEventError       a type the catalogue does not have
    ├── TransientError            retry, after ``retry_after_s`` where given
    │   ├── TransportError          the broker or the network (*)
    │   │   ├── DedupeStoreError        where claims of events are kept
    │   │   ├── TransportTimeoutError
    │   │   ├── TransportUnavailableError
    │   │   │   └── AuthenticationError   the sign-in was refused: user, token or certificate
    │   │   ├── NotPermittedError   signed in, and lacking a right; names it
    │   │   └── TopicMissingError
    │   └── HandlerTimeoutError     a handler passed its deadline
    ├── HoldError                 keep the event where it is, never skip it
    │   ├── DeadLetterError         the client refused a dead letter, unforeseen
    │   ├── EventClaimedError       somebody else has claimed the event, and may be handling it
    │   ├── NoTransportError        a handler publishes, and its consumer was not told where to
    │   ├── OffsetOutOfRangeError   the group's position is no longer in the log
    │   ├── UnfinishedWorkError     a handler returned work that is not done
    │   └── WorkersExhaustedError   too many handlers never returned
    ├── BufferFullError           the send buffer stayed full; nothing was taken (*)
    ├── NotDeliveredError         closed or flushed with events unacknowledged (*)
    ├── NotDrainedError           stopped with events still being handled
    └── ClosedError               used after ``close()`` (*)

(*) Out of a handler these hold its event: publishing failed, which hits every event alike until
it is over, and is none of the handler's attempts.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


class PatEventsError(Exception):
    """Base of every error raised by this package."""


class ConfigError(PatEventsError):
    """A setting is missing or impossible; the message says which and why."""


class CatalogError(ConfigError):
    """The catalogue cannot be used; ``problems`` holds one line each, with its place."""

    def __init__(self, origin: str, problems: Sequence[str]) -> None:
        self.origin = origin
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{origin}:{problem}" for problem in self.problems))

    def __reduce__(self) -> tuple[type[Self], tuple[str, tuple[str, ...]]]:
        """Pickle what the constructor takes: the default would hand it the message alone."""
        return type(self), (self.origin, self.problems)


class PermanentError(PatEventsError):
    """Trying again cannot help: a consumer dead-letters the event at once."""


class ClaimCheckError(PermanentError):
    """The event says that its payload is elsewhere, and it cannot be had from there.

    It is gone or another than the event says, this consumer may not read from that place, or has no
    claim check configured; the message says which. A store that does not answer is none of these:
    its events are held.
    """


class CodecError(PermanentError):
    """The bytes cannot be decoded as the event their headers announce."""


class SchemaError(PermanentError):
    """The event does not fit the schema it has to be written with."""


class RecordTooLargeError(PermanentError):
    """The event is larger than a limit of the settings, the client or the topic.

    It is not in the log.
    """


class UnknownEventError(PermanentError):
    """The catalogue has no such event type."""


class TransientError(PatEventsError):
    """Trying again may help. Handlers may raise it to say so.

    ``retry_after_s`` is the shortest wait before the next attempt, in seconds. What is no such
    time is refused with ``ConfigError`` where it is set: on the class, in the constructor, later.
    """

    # On the class too: a subclass need not call this constructor.
    retry_after_s: float | None = None

    def __init__(self, *args: object, retry_after_s: float | None = None) -> None:
        super().__init__(*args)
        self.retry_after_s = retry_after_s

    def __init_subclass__(cls, **rest: object) -> None:
        super().__init_subclass__(**rest)
        _require_wait(cls.__dict__.get("retry_after_s"))

    def __setattr__(self, name: str, value: object) -> None:
        if name == "retry_after_s":
            _require_wait(value)
        super().__setattr__(name, value)


def _require_wait(value: object) -> None:
    # A subclass may compute it: a property, or whatever else is no value.
    if value is None or hasattr(value, "__get__"):
        return
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0 <= value <= sys.float_info.max
    ):
        raise ConfigError(
            f"retry_after_s is {value!r}, of type {type(value).__name__}: give a number of "
            "seconds, 0 or more and finite, or None"
        )


class TransportError(TransientError):
    """The broker or the network did not do what was asked.

    Out of a handler it is none of the event's attempts: the event is held until it is over.
    """


class DedupeStoreError(TransportError):
    """The store that a ``Dedupe`` was given did not answer, or answered what is no claims."""


class TransportTimeoutError(TransportError):
    """No answer within the bound the caller chose."""


class TransportUnavailableError(TransportError):
    """No broker can be reached at the given address."""


class AuthenticationError(TransportUnavailableError):
    """The cluster, or AWS, refused the user, the token or the certificate; it says which."""


class NotPermittedError(TransportError):
    """Who asks is known, and no rule permits it; the message names the right."""


class TopicMissingError(TransportError):
    """The topic, queue, bus or bucket does not exist; creating it is the operator's decision."""


class HandlerTimeoutError(TransientError):
    """A handler was still running at its deadline."""


class HoldError(PatEventsError):
    """The event stays where it is: not committed, not skipped."""


class DeadLetterError(HoldError):
    """The client refused a dead letter in a way nobody foresaw; the event is held.

    A dead letter that fails otherwise, as with a ``TransportError``, holds its event as well.
    """


class EventClaimedError(HoldError):
    """The event came twice, and is claimed where it came first: it waits for what comes of that.

    Where that process has died, until its claim is over.
    """


class NoTransportError(HoldError):
    """A handler publishes, and its consumer was given no transport.

    It is the same for every event, and none is to blame: none may be lost, or count as failed, for
    what its service forgot.
    """


class OffsetOutOfRangeError(HoldError):
    """The group's position is no longer in the log: neither skipped nor read again unasked.

    Its records were deleted, or the whole topic was and there is another of that name now.
    """


class UnfinishedWorkError(HoldError):
    """A handler returned work that is not done, such as a coroutine that nobody awaits.

    It is the handler's fault and the same for every event: none may count as handled, and none is
    to blame.
    """


class WorkersExhaustedError(HoldError):
    """So many handlers passed their deadline without returning that none can run."""


class BufferFullError(PatEventsError):
    """The send buffer stayed full for as long as the caller wanted to wait.

    Out of a handler it holds the event, as do ``NotDeliveredError`` and ``ClosedError``.
    """


class NotDeliveredError(PatEventsError):
    """Events were not acknowledged in time.

    ``event_ids`` names all that wait or were given up, and the first 10,000 that failed.
    """

    def __init__(self, message: str, event_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.event_ids = tuple(event_ids)

    def __reduce__(self) -> tuple[type[Self], tuple[str, tuple[str, ...]]]:
        """Pickle what the constructor takes: the default would hand it the message alone."""
        return type(self), (str(self), self.event_ids)


class NotDrainedError(PatEventsError):
    """A consumer group stopped while handlers were still at work."""


class ClosedError(PatEventsError):
    """The object was closed; make a new one."""
