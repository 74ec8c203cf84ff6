"""What a schedule stands on: a broker that can refuse single topics, and producers to share."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from pat_events.config import Config
from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
from pat_events.errors import BufferFullError, RecordTooLargeError, TransportError
from pat_events.producer.producer import Producer
from pat_events.testing.simulation.events import (
    BUFFER_EVENTS,
    CATALOG_FILE,
    MAX_LETTER_BYTES,
    SESSION_S,
)
from pat_events.transports.memory import MemoryBroker, MemorySender

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pat_events.core.record import Delivery
    from pat_events.telemetry.observer import GivenObserver
    from pat_events.telemetry.spans import SenderSpans
    from pat_events.testing.simulation.clock import SeededIds, VirtualClock
    from pat_events.transports.sending import Outgoing


class Wire:
    """The sender of a member's producer: producers are costly to make, so each slot keeps its.

    While it is slow, records are on their way: not written, and not refused either.
    """

    def __init__(self) -> None:
        self.slow = False
        self._on_their_way: deque[Outgoing] = deque()
        self.connect(None)

    def connect(self, target: MemorySender | None) -> None:
        """Begin again; what was on its way is gone."""
        self._target = target
        self.slow = False
        self._on_their_way.clear()

    def send(self, outgoing: Outgoing) -> None:
        """Take a record, or refuse it: too many are on their way."""
        if not self.slow:
            self._deliver(outgoing)
        elif len(self._on_their_way) == BUFFER_EVENTS:
            raise BufferFullError("too many are on their way")
        else:
            self._on_their_way.append(outgoing)

    def _deliver(self, outgoing: Outgoing) -> None:
        if self._target is None:
            raise TransportError("nobody is connected")
        self._target.send(outgoing)

    def arrive(self) -> None:
        """Let what is on its way arrive, and be quick from now on if there is room for all."""
        while self._on_their_way:
            outgoing = self._on_their_way.popleft()
            try:
                self._deliver(outgoing)
            except BufferFullError:
                self._on_their_way.appendleft(outgoing)
                return
        self.slow = False

    def wait_for_room(self, timeout_s: float) -> None:
        """Return at once: the schedule says when there is room."""

    def may_wait(self) -> bool:
        """Tell that it may: it costs no time."""
        return True

    def expedite(self) -> None:
        """Nothing waits here."""

    def flush(self, timeout_s: float) -> list[Outgoing]:
        """Return what is on its way; no time passes."""
        del timeout_s
        return list(self._on_their_way)

    def close(self, timeout_s: float) -> list[Outgoing]:
        """As ``flush``: the next schedule goes on with it."""
        return self.flush(timeout_s)


_LIMITS: Final = Config(buffer_events=BUFFER_EVENTS)


class Broker(MemoryBroker):
    """A broker with topics that cannot be written for now, while all else goes on."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock=clock, session_timeout_s=SESSION_S)
        self.unwritable: set[str] = set()
        #: By identity, as another member may get the same event: what has its dead letter.
        self.dead_lettered: dict[int, Delivery] = {}

    def append(self, outgoing: Outgoing) -> tuple[int, int]:
        """Write a record, unless its topic cannot be written."""
        if outgoing.topic in self.unwritable:
            raise TransportError(f"{outgoing.topic} cannot be written")
        at = super().append(outgoing)
        if isinstance(outgoing, OutgoingDeadLetter):
            self.dead_lettered[id(outgoing.delivery)] = outgoing.delivery
        return at


class LetterSender(MemorySender):
    """A sender that refuses dead letters which are too large for their topic."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker, _LIMITS)

    def send(self, outgoing: Outgoing) -> None:
        """Take one record."""
        is_letter = isinstance(outgoing, OutgoingDeadLetter)
        if is_letter and len(outgoing.value or b"") > MAX_LETTER_BYTES:
            raise RecordTooLargeError("too large")
        super().send(outgoing)


class Slot:
    """What one member after another uses: a producer, and the wire its events go over."""

    address = "simulation"
    keeps_order = True
    system = "simulation"

    def __init__(self, clock: VirtualClock, ids: SeededIds) -> None:
        self.wire = Wire()
        # Less than the clock can tell, so that nobody waits for room: the schedule goes on first.
        config = Config(publish_timeout_s=1e-14, catalog=CATALOG_FILE)
        self.producer = Producer(config, transport=self, clock=clock, ids=ids)

    def ping(self, timeout_s: float) -> None:
        """It is there."""

    def sender(
        self,
        config: Config,
        observers: Iterable[GivenObserver] = (),
        spans: SenderSpans | None = None,
    ) -> Wire:
        """Return the wire."""
        del config, observers, spans
        return self.wire
