"""Plain confluent_kafka clients against an embedded broker, closed in the right order."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, Producer

from pat_events.testing import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import KafkaError, Message

DEADLINE_S = 15.0
# Clients come back within this after a fault; the defaults are made for networks.
QUICK = {
    "log_level": 0,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
    "retry.backoff.ms": 20,
    "retry.backoff.max.ms": 100,
    "topic.metadata.refresh.fast.interval.ms": 50,
}


class Ends:
    """Producers and consumers of one broker."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker
        self.acked: list[int] = []
        self.failed: list[KafkaError] = []
        self.reported: list[int] = []
        self._consumers: list[Consumer] = []

    def producer(self, **conf: object) -> Producer:
        settings = {"bootstrap.servers": self.broker.bootstrap_servers, "linger.ms": 0, **QUICK}
        settings["error_cb"] = lambda error: self.reported.append(error.code())
        return Producer(settings | {name.replace("_", "."): v for name, v in conf.items()})

    def consumer(self, **conf: object) -> Consumer:
        settings = {
            "bootstrap.servers": self.broker.bootstrap_servers,
            "group.id": "readers",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
            "fetch.error.backoff.ms": 20,
            **QUICK,
        }
        settings |= {name.replace("_", "."): value for name, value in conf.items()}
        self._consumers.append(Consumer(settings))
        return self._consumers[-1]

    def note(self, error: KafkaError | None, message: Message) -> None:
        """Delivery callback."""
        if error is None:
            self.acked.append(message.offset())
        else:
            self.failed.append(error)

    def publish(self, producer: Producer, topic: str, count: int = 1, partition: int = 0) -> None:
        for number in range(count):
            producer.produce(
                topic, str(number).encode(), partition=partition, on_delivery=self.note
            )

    def read(self, consumer: Consumer, enough: Callable[[list[Message]], bool]) -> list[Message]:
        """Poll until ``enough`` of what came, errors included, or the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        messages: list[Message] = []
        while not enough(messages):
            assert time.monotonic() < deadline, f"only {len(messages)} messages came"
            message = consumer.poll(0.05)
            if message is not None:
                messages.append(message)
        return messages

    def close(self) -> None:
        with ExitStack() as ends:
            for consumer in self._consumers:
                ends.callback(consumer.close)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[EmbeddedBroker]:
    """One broker; more with ``parametrize("broker", [3], indirect=True)``."""
    with EmbeddedBroker(getattr(request, "param", 1)) as broker:
        broker.create_topic("letters", partitions=1)
        yield broker


@pytest.fixture
def ends(broker: EmbeddedBroker) -> Iterator[Ends]:
    """Makes clients; the broker is healed before they are closed."""
    ends = Ends(broker)
    yield ends
    broker.faults.clear()
    ends.close()
