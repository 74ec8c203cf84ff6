"""What a schedule stands on: a broker that can refuse single topics, and producers to share."""

from __future__ import annotations

from pat_events import Config, Producer
from pat_events.errors import TransportError
from pat_events.transports.memory import MemoryBroker

from .handlers import CATALOG_FILE


class Wire:
    """The sender of a member's producer: producers are costly to make, so each slot keeps its."""

    def __init__(self):
        self.target = None

    def send(self, outgoing):
        self.target.send(outgoing)

    def poll(self, timeout_s):
        """The broker says when there is room."""

    def in_callback(self):
        return False

    def hurry(self):
        """Nothing waits here."""


class Broker(MemoryBroker):
    """A broker with topics that cannot be written for now, while all else goes on."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.unwritable = set()

    def append(self, outgoing):
        if outgoing.topic in self.unwritable:
            raise TransportError(f"{outgoing.topic} cannot be written")
        return super().append(outgoing)


class Slot:
    def __init__(self):
        self.wire = Wire()
        config = Config(
            bootstrap_servers="-", connect_timeout_s=0, publish_timeout_s=1e-9, catalog=CATALOG_FILE
        )
        self.producer = Producer(config, transport=self)

    def partitions(self, topics, timeout_s):
        return {}

    def sender(self):
        return self.wire
