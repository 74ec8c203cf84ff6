"""Two clusters in memory, and bridges between them with real threads."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from pat_events import Bridge, Config, Producer, QueueBridge
from pat_events.catalog.load import load_catalog
from pat_events.errors import BufferFullError
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryQueue, MemoryTransport

NAME = "to-there"
TOPIC = "pat-emails"
DEAD = f"{TOPIC}.{NAME}.dlq"


def new_broker() -> MemoryBroker:
    broker = MemoryBroker(session_timeout_s=0.3)
    for topic in load_catalog().topics:
        broker.create_topic(topic, 1)
        broker.create_topic(f"{topic}.{NAME}.dlq", 1)
    return broker


class Target(MemoryTransport):
    """A cluster that refuses some of what it gets, or acknowledges nothing.

    Attributes:
        refused: By key, what becomes of it, one after another; None for what is taken.
        silent: What arrives is written, and never acknowledged.
        full: How often there is no room for what comes next.
    """

    def __init__(self, broker: MemoryBroker, *, keeps_order: bool = True) -> None:
        super().__init__(broker)
        self.broker = broker
        self.refused: dict[str, list[Exception | None]] = {}
        self.silent = False
        self.full = 0
        self.keeps_order = keeps_order

    def sender(self, config, observers=(), spans=None):
        sender = super().sender(config, observers, spans)
        send = sender.send

        def send_or_refuse(outgoing):
            if self.full:
                self.full -= 1
                raise BufferFullError("full")
            refused = self.refused.get((outgoing.key or b"").decode())
            error = refused.pop(0) if refused else None
            if error is not None:
                outgoing.settle(error, None)
            elif self.silent:
                self.broker.append(outgoing)
            else:
                send(outgoing)

        sender.send = send_or_refuse
        return sender

    def records(self, topic: str = TOPIC):
        return self.broker.records(topic)

    @property
    def emails(self) -> list[str]:
        """Key and subject of what arrived, in order."""
        events = [EmailReceived.FromString(record.value) for record in self.records()]
        return [f"{event.email_id}/{event.subject}" for event in events]


class Clusters:
    """Where bridges read and where they send."""

    def __init__(self, stack: ExitStack) -> None:
        self.here = new_broker()
        self.there = Target(new_broker())
        self.queue = MemoryQueue("emails", redrive=(MemoryQueue("dead"), 3))
        self._stack = stack
        self.producer = Producer(Config(), transport=MemoryTransport(self.here))

    def publish(self, *emails: str, **metadata: str):
        """One EmailReceived each; what follows a slash tells events of one key apart."""
        acks = []
        for email in emails:
            key, _, subject = email.partition("/")
            acks.append(self.producer.publish(EmailReceived(email_id=key, subject=subject)))
        return acks

    def bridge(self, *, name: str = NAME, started: bool = True, **settings) -> Bridge:
        bridge = Bridge(
            name,
            settings.pop("to", self.there),
            **{
                "types": ["EmailReceived"],
                "config": Config(),
                "transport": MemoryTransport(self.here),
                "drain_timeout_s": 5.0,
                "commit_interval_s": 0.02,
                **settings,
            },
        )
        return self._started(bridge) if started else bridge

    def queue_bridge(self, *, started: bool = True, **settings) -> QueueBridge:
        settings = {"config": Config(), "drain_timeout_s": 5.0, **settings}
        bridge = QueueBridge(
            settings.pop("queue", self.queue), settings.pop("to", self.there), **settings
        )
        return self._started(bridge) if started else bridge

    def _started(self, bridge):
        bridge.start()
        self._stack.callback(bridge.stop)
        return bridge

    @property
    def committed(self) -> int:
        return self.here.committed(NAME).get((TOPIC, 0), -1)

    @property
    def dead(self):
        return self.here.records(DEAD)


@pytest.fixture
def clusters():
    with ExitStack() as stack:
        yield Clusters(stack)
