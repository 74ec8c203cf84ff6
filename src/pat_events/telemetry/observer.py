"""What happened, as frozen values, and who may be told.

On the way of events that are handled there is one value for many of them: none for each event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from pat_events.telemetry.clients import (
    Acknowledged,
    BufferLevel,
    BufferWaited,
    NotDelivered,
    OperationEnded,
    QueueChanged,
    SentAgain,
    Throttled,
)
from pat_events.telemetry.partitions import (
    Assigned,
    CommitFailed,
    Committed,
    Levels,
    Lost,
    Paused,
    Resumed,
    Revoked,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pat_events.core.record import Position
    from pat_events.core.trace_context import TraceContext

GateState: TypeAlias = Literal["open", "closed"]


class Origin(NamedTuple):
    """Who tells what happened.

    Attributes:
        system: What carries the events, as OpenTelemetry names it, such as ``kafka``, ``aws_sqs``
            or ``aws.sns``.
        consumer: The consumer group, or the queue of a consumer; empty for a sender.
    """

    system: str
    consumer: str = ""


class Delivered(NamedTuple):
    """A poll brought so many events of a partition; ``skipped`` of them nobody here handles."""

    topic: str
    partition: int
    events: int
    skipped: int


class Handled(NamedTuple):
    """So many events are done: their handlers returned, and what those published arrived."""

    events: int


class Duplicates(NamedTuple):
    """So many of the events that are done were done before: no handler was called for them."""

    events: int


class EndedJob(NamedTuple):
    """One handler was called for some events of a partition, in one job of a worker.

    Where a job called several handlers there is one of these for each. Jobs of less than 1 ms in
    which nothing failed are told as one: where each event has a key of its own there is a job for
    each, and a value for each would cost more than all else that is told.

    Attributes:
        handled: For so many it returned.
        failed: So many failed, could not be decoded or were still running at their deadline.
        error: That of the first of them, or None.
        seconds: How long the job took from its first call to its last return, waits of a coroutine
            included, and those for acknowledgements not. Several handlers share it by their numbers
            of events. Each event's own time is not measured: two looks at a clock cost more than
            all else that is told.
    """

    topic: str
    partition: int
    handler: str
    handled: int
    failed: int
    error: BaseException | None
    seconds: float


class JobsEnded(NamedTuple):
    """These jobs came back, whatever becomes of what failed; told where an observer wants jobs."""

    jobs: Sequence[EndedJob]


class Retried(NamedTuple):
    """A handler failed, and is called again after ``wait_s``: it was its ``attempt``, from 1."""

    position: Position
    handler: str
    attempt: int
    error: BaseException
    wait_s: float


class Held(NamedTuple):
    """An event is kept, and tried again after ``wait_s``; what went wrong counts as no attempt.

    ``handler`` is empty where its dead letter could not be written.
    """

    position: Position
    handler: str
    error: BaseException
    wait_s: float


class GivenUp(NamedTuple):
    """An event is to be a dead letter.

    ``handler`` is empty, and ``attempts`` 0, where none was to be called; ``reason`` is one
    countable word. ``trace`` is where in a trace it was published, if it says so.
    """

    position: Position
    handler: str
    attempts: int
    reason: str
    error: BaseException
    trace: TraceContext | None = None


class DeadLettered(NamedTuple):
    """An event is done: its dead letter was written to ``topic``; the rest as of ``GivenUp``."""

    position: Position
    topic: str
    handler: str
    reason: str


class BreakerChanged(NamedTuple):
    """A breaker of this consumer's handlers opened, or closed again.

    ``why`` is empty where it closed. While a probe is under way it is open.
    """

    breaker: str
    state: GateState
    why: str


class DeadLetterLimitChanged(NamedTuple):
    """The ``DeadLetterLimit`` of a handler opened, so that it is not called, or closed again.

    ``why`` is empty where it closed. While one of the handler's events is tried it is open.
    """

    handler: str
    state: GateState
    why: str


class GivenBack(NamedTuple):
    """So many messages went back to their queue undone, and come again."""

    events: int


class InvocationEnded(NamedTuple):
    """A function has handled what it was invoked with, or as much of it as there was time for."""


Happening: TypeAlias = (
    Delivered
    | Handled
    | Duplicates
    | JobsEnded
    | Retried
    | Held
    | GivenUp
    | DeadLettered
    | BreakerChanged
    | DeadLetterLimitChanged
    | GivenBack
    | Levels
    | Assigned
    | Revoked
    | Lost
    | Paused
    | Resumed
    | Committed
    | CommitFailed
    | InvocationEnded
    | Acknowledged
    | NotDelivered
    | SentAgain
    | OperationEnded
    | BufferLevel
    | BufferWaited
    | Throttled
    | QueueChanged
)


class Observer(Protocol):
    """Is told what happened.

    It is called by the thread that did it, which waits until it returns: a group's own thread,
    which reads nothing meanwhile, and a sender's threads; given to both, several at a time. One
    that wants levels is told them by another thread of a group while the group's own makes no step,
    even while that is in ``saw``. Kinds of values that it does not know it leaves alone: there may
    be more later. What it raises is logged the first time, and harms nobody.

    ``JobsEnded``, how long handlers took and with what outcome, is made only where an observer has
    a true attribute ``wants_jobs``; those beside it are told as well. ``Levels`` and
    ``BufferLevel`` likewise, by ``wants_levels``; ``OperationEnded`` by ``wants_operations``.

    What tells is not in the values: who wants to know gives an ``ObserverFactory``.
    """

    def saw(self, what: Happening) -> None:
        """This happened."""


class ObserverFactory(Protocol):
    """Has an observer for each consumer and sender that it is given to."""

    def told_by(self, origin: Origin) -> Observer:
        """Return the one that this tells."""


GivenObserver: TypeAlias = Observer | ObserverFactory
