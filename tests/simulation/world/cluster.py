"""What a schedule stands on: a broker that can refuse single topics, and producers to share."""

from __future__ import annotations

from collections import deque

from pat_events import Config, Producer
from pat_events.consumer.recovery.dead_letters import OutgoingDeadLetter
from pat_events.errors import BufferFullError, RecordTooLargeError, TransportError
from pat_events.transports.memory import MemoryBroker

from .handlers import CATALOG_FILE

BUFFER_EVENTS = 2
MAX_LETTER_BYTES = 50


class Wire:
    """The sender of a member's producer: producers are costly to make, so each slot keeps its.

    While it is slow, records are on their way: not written, and not refused either.
    """

    def __init__(self):
        self.slow = False
        self._on_their_way = deque()
        self.connect(None)

    def connect(self, target):
        """Begin again; what was on its way is gone."""
        self.target = target
        self.slow = False
        self._on_their_way.clear()

    def send(self, outgoing):
        if not self.slow:
            self.target.send(outgoing)
        elif len(self._on_their_way) == BUFFER_EVENTS:
            raise BufferFullError("too many are on their way")
        else:
            self._on_their_way.append(outgoing)

    def arrive(self):
        """Let what is on its way arrive, and be quick from now on if there is room for all."""
        while self._on_their_way:
            outgoing = self._on_their_way.popleft()
            try:
                self.target.send(outgoing)
            except BufferFullError:
                self._on_their_way.appendleft(outgoing)
                return
        self.slow = False

    def wait_for_room(self, timeout_s):
        """The broker says when there is room."""

    def may_wait(self):
        return True

    def expedite(self):
        """Nothing waits here."""


class Broker(MemoryBroker):
    """A broker with topics that cannot be written for now, while all else goes on."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.unwritable = set()
        #: By identity, as another member may get the same event: what has its dead letter.
        self.dead_lettered = {}

    def append(self, outgoing):
        if outgoing.topic in self.unwritable:
            raise TransportError(f"{outgoing.topic} cannot be written")
        at = super().append(outgoing)
        if isinstance(outgoing, OutgoingDeadLetter):
            self.dead_lettered[id(outgoing.delivery)] = outgoing.delivery
        return at


def limit_letters(sender):
    """Have a sender refuse dead letters that are too large for their topic."""
    send = sender.send

    def send_unless_too_large(outgoing):
        is_letter = isinstance(outgoing, OutgoingDeadLetter)
        if is_letter and len(outgoing.value or b"") > MAX_LETTER_BYTES:
            raise RecordTooLargeError("too large")
        send(outgoing)

    sender.send = send_unless_too_large


class Slot:
    def __init__(self):
        self.wire = Wire()
        config = Config(publish_timeout_s=1e-9, catalog=CATALOG_FILE)
        self.producer = Producer(config, transport=self)

    def ping(self, timeout_s):
        """It is there."""

    def sender(self, config):
        return self.wire
