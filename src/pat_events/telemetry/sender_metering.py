"""What senders tell, in numbers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pat_events.telemetry import metrics as m
from pat_events.telemetry.clients import (
    Acknowledged,
    BufferLevel,
    BufferWaited,
    NotDelivered,
    OperationEnded,
    SentAgain,
    Throttled,
)
from pat_events.telemetry.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pat_events.telemetry.metrics import Metric
    from pat_events.telemetry.observer import Origin


class SenderMeter(Meter):
    """Counts what the senders of a system tell, all of them in one."""

    wants_levels = True

    def __init__(
        self,
        origin: Origin,
        error_types: set[str],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(origin, error_types, wall_clock)
        self._buffers: dict[int, BufferLevel] = {}

    def _kinds(self) -> dict[type, Callable[[Any], None]]:
        of = (self._system,)
        return {
            Acknowledged: lambda what: self._sent(what.records, ""),
            NotDelivered: lambda what: self._sent(what.records, self._error_type(what.error)),
            SentAgain: self._sent_again,
            Throttled: lambda what: self._add(m.THROTTLED, of, what.records),
            BufferWaited: self._waited,
            BufferLevel: self._level,
            OperationEnded: self._operation_ended,
        }

    def _sent(self, records: int, error_type: str) -> None:
        self._add(m.SENT, ("send", self._system, error_type), records)

    def _sent_again(self, what: SentAgain) -> None:
        of = (self._system,)
        self._add(m.SENT_AGAIN, of, what.records)
        if what.new_client:
            self._add(m.CLIENTS_REPLACED, of)

    def _waited(self, what: BufferWaited) -> None:
        self._add(m.BUFFER_WAITS, (self._system,))
        self._add(m.BUFFER_WAIT_SECONDS, (self._system,), what.seconds)

    def _level(self, what: BufferLevel) -> None:
        if what.max_events:
            self._buffers[what.sender] = what
        else:
            self._buffers.pop(what.sender, None)

    def values(self) -> Iterator[tuple[Metric, tuple[str, ...], float]]:
        """Yield counters and gauges as they are now."""
        yield from super().values()
        with self._lock:
            levels = list(self._buffers.values())
        if not levels:
            return
        of = (self._system,)
        yield m.BUFFERED, of, sum(each.events for each in levels)
        yield m.BUFFERED_BYTES, of, sum(each.size_bytes for each in levels)
        yield m.BUFFER_LIMIT, of, sum(each.max_events for each in levels)
        yield m.BUFFER_LIMIT_BYTES, of, sum(each.max_bytes for each in levels)
        yield m.UNACKNOWLEDGED_AGE, of, max(each.oldest_s for each in levels)

    def forget(self) -> None:
        """Begin at 0, in the child of a fork, where no other thread is."""
        super().forget()
        self._buffers.clear()
