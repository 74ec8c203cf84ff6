"""The sending side: records are in the log when ``send`` returns, unless the broker is down."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from pat_events.errors import (
    ClosedError,
    TransportError,
)
from pat_events.telemetry.clients import Acknowledged, NotDelivered
from pat_events.telemetry.observer import Origin
from pat_events.telemetry.observers import Observers
from pat_events.transports import buffer_errors
from pat_events.transports.sender_levels import SenderLevels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.config import Config
    from pat_events.telemetry.observer import GivenObserver, Observer
    from pat_events.transports.memory.broker import MemoryBroker
    from pat_events.transports.sending import Outgoing


class MemorySender:
    """Writes at once; while the broker is down records wait, as in a real client.

    Args:
        broker: Where to.
        config: How much may wait: ``buffer_events`` and ``buffer_bytes``.
        observers: Are told what becomes of records.
    """

    def __init__(
        self, broker: MemoryBroker, config: Config, observers: Iterable[GivenObserver] = ()
    ) -> None:
        self._broker = broker
        self._max_events = config.buffer_events
        self._max_bytes = config.buffer_bytes
        observers = tuple(observers)
        # None where nobody listens: here it is a value for each event.
        self._observer = Observers(observers, Origin("memory")) if observers else None
        self._levels = (
            None if self._observer is None else SenderLevels(self._observer, config, self._level)
        )
        # What was not told yet; changed with the broker's lock held.
        self._written = 0
        self._refused: list[TransportError] = []
        self._waiting: deque[Outgoing] = deque()
        self._waiting_bytes = 0
        self._closed = False
        # The thread that is writing what waits, or None; changed with the broker's lock held.
        self._writer: int | None = None
        broker.senders[self] = None

    def send(self, outgoing: Outgoing) -> None:
        """Take one record."""
        with self._broker.lock:
            if self._closed:
                raise ClosedError("the producer was closed: make a new one")
            self._require_room(outgoing)
            self._waiting.append(outgoing)
            self._waiting_bytes += len(outgoing.value or b"")
        self.wait_for_room(0)

    def _require_room(self, outgoing: Outgoing) -> None:
        size = len(outgoing.value or b"")
        if size > self._max_bytes:
            raise buffer_errors.larger_than_the_buffer(size, outgoing.topic, self._max_bytes)
        if len(self._waiting) >= self._max_events or self._waiting_bytes + size > self._max_bytes:
            raise buffer_errors.full(self._max_events, self._max_bytes, "the broker")

    def may_wait(self) -> bool:
        """Tell whether this thread is outside of callbacks; see ``Sender.may_wait``."""
        return self._writer != threading.get_ident()

    def expedite(self) -> None:
        """Nothing to do: records settle as they are sent."""

    def wait_for_room(self, timeout_s: float) -> None:
        """Write what waits; what a callback sends meanwhile is written after that."""
        if self._writer == threading.get_ident():
            return
        self._write_what_waits(timeout_s)
        if self._observer is not None:
            self._tell(self._observer)
        if self._levels is not None:
            self._levels.tell(self._broker.clock.monotonic())

    def _write_what_waits(self, timeout_s: float) -> None:
        with self._broker.changed:
            if self._broker.down and self._waiting:
                self._broker.clock.wait(self._broker.changed, timeout_s)
            if self._broker.down:
                return
            # Again where the handler of a signal has published between the last look and the end.
            while self._waiting:
                # Under the lock, one by one: neither another thread nor a callback that
                # publishes can overtake what was sent before.
                self._writer = threading.get_ident()
                try:
                    self._write()
                finally:
                    self._writer = None

    def _level(self, _: float) -> tuple[int, int, float]:
        """Return how many wait, their bytes, and for how long the first has; see ``SenderLevels``.

        It has no thread that looks on: it looks when it is used.
        """
        with self._broker.lock:
            if not self._waiting:
                return 0, 0, 0.0
            age_s = self._broker.clock.time_ns() / 1e9 - self._waiting[0].timestamp_ms / 1e3
            return len(self._waiting), self._waiting_bytes, max(0.0, age_s)

    def _write(self) -> None:
        while self._waiting:
            outgoing = self._waiting.popleft()
            self._waiting_bytes -= len(outgoing.value or b"")
            try:
                place = self._broker.append(outgoing)
            except TransportError as error:
                if self._observer is not None:
                    self._refused.append(error)
                outgoing.settle(error, None)
            else:
                self._written += 1
                outgoing.settle(None, place)

    def _tell(self, observer: Observer) -> None:
        with self._broker.lock:
            written, self._written = self._written, 0
            refused, self._refused = self._refused, []
        if refused:
            observer.saw(NotDelivered(len(refused), refused[0]))
        if written:
            observer.saw(Acknowledged(written))

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Wait until every record is settled."""
        clock = self._broker.clock
        deadline = clock.monotonic() + timeout_s
        self.wait_for_room(0)
        while self._waiting and self.may_wait() and (left := deadline - clock.monotonic()) > 0:
            self.wait_for_room(left)
        return list(self._waiting)

    def close(self, timeout_s: float) -> list[Outgoing]:
        """Refuse further records, flush, then stop; see ``Sender.close``."""
        with self._broker.lock:
            # First, so that what was taken is among what is waited for.
            self._closed = True
        self.flush(timeout_s)
        with self._broker.lock:
            given_up = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        for outgoing in given_up:
            error = TransportError("not acknowledged before close")
            if self._observer is not None:
                self._refused.append(error)
            outgoing.settle(error, None)
        if self._observer is not None:
            self._tell(self._observer)
        if self._levels is not None:
            self._levels.end()
        return given_up
