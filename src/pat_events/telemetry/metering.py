"""From what happened to numbers: what observers are told is counted here, whoever shows it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

from pat_events.telemetry import metrics as m
from pat_events.telemetry.clients import OperationEnded, QueueChanged
from pat_events.telemetry.observer import (
    BreakerChanged,
    DeadLettered,
    DeadLetterLimitChanged,
    Delivered,
    Duplicates,
    GivenBack,
    GivenUp,
    Handled,
    Held,
    JobsEnded,
    Retried,
)
from pat_events.telemetry.partitions import Assigned, CommitFailed, Committed, Levels, Lost, Revoked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.core.record import TopicPartition
    from pat_events.telemetry.metrics import Metric
    from pat_events.telemetry.observer import Happening, Origin
    from pat_events.telemetry.partitions import PartitionLevel

# More kinds of errors than these share one name, as OpenTelemetry has it: whoever makes classes of
# errors as it goes must not make series.
_MAX_ERROR_TYPES: Final = 100
_OTHER: Final = "_OTHER"
_RECEIVE: Final = {"kafka": "poll"}


class Durations:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(m.SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float, events: int) -> None:
        """So many events took so many seconds each."""
        self.counts[bisect_left(m.SECONDS, seconds)] += events
        self.sum += seconds * events


class Meter:
    """Counts what one consumer or sender tells; an ``Observer``, callable from any thread.

    A subclass has a method for each kind of value that it counts.

    Args:
        origin: Who tells.
        error_types: Names of errors that were met, of all meters.
        wall_clock: Seconds since 1970.
    """

    wants_jobs = False
    wants_levels = False
    wants_operations = True

    def __init__(
        self,
        origin: Origin,
        error_types: set[str],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._system, self._group = origin
        self._error_types = error_types
        self._wall_clock = wall_clock
        # Re-entrant: the handler of a signal may publish in here, and be told of it.
        self._lock = threading.RLock()
        self._counters: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._durations: dict[tuple[Metric, tuple[str, ...]], Durations] = {}
        self._gauges: dict[Metric, float] = {}
        self._partitions: dict[TopicPartition, PartitionLevel] = {}
        self._counts_of = self._kinds()

    def _kinds(self) -> dict[type, Callable[[Any], None]]:
        raise NotImplementedError

    def saw(self, what: Happening) -> None:
        """Count it."""
        count = self._counts_of.get(type(what))
        if count is not None:
            with self._lock:
                count(what)

    def _add(self, metric: Metric, labels: tuple[str, ...], count: float = 1) -> None:
        key = (metric, labels)
        self._counters[key] = self._counters.get(key, 0) + count

    def _time(
        self, metric: Metric, labels: tuple[str, ...], seconds: float, events: int = 1
    ) -> None:
        self._durations.setdefault((metric, labels), Durations()).add(seconds, events)

    def _operation_ended(self, what: OperationEnded) -> None:
        error_type = "" if what.error is None else self._error_type(what.error)
        labels = (what.operation, self._system, self._group, error_type)
        self._time(m.OPERATION, labels, what.seconds)

    def _error_type(self, error: BaseException) -> str:
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ not in ("builtins", "pat_events.errors"):
            name = f"{kind.__module__}.{name}"
        if name not in self._error_types and len(self._error_types) >= _MAX_ERROR_TYPES:
            return _OTHER
        self._error_types.add(name)
        return name

    def values(self) -> Iterator[tuple[Metric, tuple[str, ...], float]]:
        """Yield counters and gauges as they are now."""
        with self._lock:
            counters, gauges = dict(self._counters), dict(self._gauges)
            partitions = list(self._partitions.values())
        for (metric, labels), value in counters.items():
            yield metric, labels, value
        for metric, value in gauges.items():
            yield metric, (self._group,), value
        for level in partitions:
            yield from self._of_partition(level)

    def _of_partition(
        self, level: PartitionLevel
    ) -> Iterator[tuple[Metric, tuple[str, ...], float]]:
        labels = (self._group, level.topic, str(level.partition))
        if level.lag is not None:
            yield m.LAG, labels, level.lag
        # By today's clock: it goes on growing where its consumer does not tell any more.
        age = 0.0 if level.oldest_ms is None else self._wall_clock() - level.oldest_ms / 1000
        yield m.AGE, labels, max(0.0, age)
        yield m.IN_FLIGHT, labels, level.in_flight
        yield m.IN_FLIGHT_BYTES, labels, level.in_flight_bytes
        yield m.LANES, labels, level.lanes
        yield m.PAUSED, labels, level.paused

    def durations(self) -> list[tuple[Metric, tuple[str, ...], list[int], float]]:
        """Return the histograms as they are now: of each the count by bucket, and the sum."""
        with self._lock:
            found = self._durations.items()
            return [(metric, labels, list(it.counts), it.sum) for (metric, labels), it in found]

    def forget(self) -> None:
        """Begin at 0, in the child of a fork, where no other thread is."""
        # The one there was may be locked by a thread that is not in here.
        self._lock = threading.RLock()
        for each in (self._counters, self._durations, self._gauges, self._partitions):
            each.clear()


class ConsumerMeter(Meter):
    """Counts what a consumer tells."""

    wants_jobs = True
    wants_levels = True

    def _kinds(self) -> dict[type, Callable[[Any], None]]:
        group = (self._group,)
        return {
            Delivered: self._delivered,
            Handled: lambda what: self._add(m.HANDLED, group, what.events),
            Duplicates: lambda what: self._add(m.DUPLICATES, group, what.events),
            JobsEnded: self._jobs_ended,
            Retried: lambda what: self._add(m.RETRIES, self._of(what)),
            Held: lambda what: self._add(m.HOLDS, self._of(what)),
            GivenUp: lambda what: self._add(m.GIVEN_UP, (*self._of(what), what.reason)),
            DeadLettered: lambda what: self._add(m.DEAD_LETTERED, (*self._of(what), what.reason)),
            BreakerChanged: self._breaker_changed,
            DeadLetterLimitChanged: self._dead_letter_limit_changed,
            GivenBack: lambda what: self._add(m.RETURNED, group, what.events),
            Levels: self._levels,
            Assigned: self._rebalanced,
            Revoked: self._rebalanced,
            Lost: self._rebalanced,
            Committed: self._committed,
            OperationEnded: self._operation_ended,
            QueueChanged: self._queue_changed,
            CommitFailed: lambda what: self._add(
                m.COMMIT_FAILURES, (*group, self._error_type(what.error))
            ),
        }

    def _of(self, what: Retried | Held | GivenUp | DeadLettered) -> tuple[str, str, str]:
        return (self._group, what.position.topic, what.handler)

    def _read(self, topic: str, operation: str) -> tuple[str, str, str, str]:
        return (operation, self._system, self._group, topic)

    def _delivered(self, what: Delivered) -> None:
        labels = self._read(what.topic, _RECEIVE.get(self._system, "receive"))
        self._add(m.CONSUMED, (*labels, str(what.partition)), what.events)
        if what.skipped:
            self._add(m.SKIPPED, (self._group, what.topic), what.skipped)

    def _jobs_ended(self, what: JobsEnded) -> None:
        # Where each event has a key of its own there is a job for each: no call of ours for one
        # that did not fail, and no look-up where it is of the same handler as the one before.
        durations, of_topic, of_handler = Durations(), "", ""
        for topic, _, handler, handled, failed, error, job_s in what.jobs:
            seconds = job_s / (handled + failed)
            if handled:
                if handler != of_handler or topic != of_topic:
                    durations = self._of_handler(topic, handler, "")
                    of_topic, of_handler = topic, handler
                durations.counts[bisect_left(m.SECONDS, seconds)] += handled
                durations.sum += seconds * handled
            if failed:
                error_type = "" if error is None else self._error_type(error)
                self._of_handler(topic, handler, error_type).add(seconds, failed)

    def _of_handler(self, topic: str, handler: str, error_type: str) -> Durations:
        labels = (*self._read(topic, "process"), error_type, handler)
        return self._durations.setdefault((m.PROCESS, labels), Durations())

    def _levels(self, what: Levels) -> None:
        self._partitions.update({(each.topic, each.partition): each for each in what.partitions})
        self._gauges[m.HELD] = what.held
        self._gauges[m.WAITING] = what.retried

    def _breaker_changed(self, what: BreakerChanged) -> None:
        self._counters[m.BREAKER_OPEN, (self._group, what.breaker)] = what.state == "open"

    def _dead_letter_limit_changed(self, what: DeadLetterLimitChanged) -> None:
        self._counters[m.DEAD_LETTER_LIMIT_EXCEEDED, (self._group, what.handler)] = (
            what.state == "open"
        )

    def _rebalanced(self, what: Assigned | Revoked | Lost) -> None:
        self._add(m.REBALANCES, (self._group, type(what).__name__.lower()))
        count = len(what.partitions)
        if not isinstance(what, Assigned):
            count = -count
            self._add(m.RETURNED, (self._group,), what.returned)
            for topic_partition in what.partitions:
                self._partitions.pop(topic_partition, None)
        self._gauges[m.ASSIGNED] = self._gauges.get(m.ASSIGNED, 0) + count

    def _committed(self, _: Committed) -> None:
        self._add(m.COMMITS, (self._group,))
        self._gauges[m.LAST_COMMIT] = self._wall_clock()

    def _queue_changed(self, what: QueueChanged) -> None:
        change = what.change.replace(" ", "_")
        if what.messages:
            self._add(m.CHANGES, (self._group, change), what.messages)
        if what.failed and what.error is not None:
            labels = (self._group, change, self._error_type(what.error))
            self._add(m.CHANGE_FAILURES, labels, what.failed)
