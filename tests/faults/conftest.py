"""A topic of the test's own in a catalogue of its own, and groups that read it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import Producer as RawProducer

from pat_events import ConsumerGroup, KafkaConfig, Producer
from pat_events.transports.kafka.admin import KafkaAdmin
from tests.support.catalogs import CATALOG
from tests.support.clusters import on_kafka
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from confluent_kafka import Message

    from pat_events import Handlers

PARTITIONS = 4
GROUPS = ("first", "second")


class Ground:
    """A topic, what is published to it and who reads it."""

    def __init__(self, servers: str, topic: str, catalog: Path, stack: ExitStack) -> None:
        self.servers = servers
        self.topic = topic
        self.catalog = catalog
        self.until = partial(until, every_s=0.05)  # What is asked is mostly the broker.
        self._stack = stack
        catalog.write_text(CATALOG.format(topic=topic))

    def place(self, **settings: object) -> dict[str, object]:
        """Arguments of a producer or a group on the cluster."""
        return on_kafka(self.servers, catalog=self.catalog, **settings)

    def producer(self, **settings: object) -> Producer:
        return self._stack.enter_context(Producer(**self.place(**settings)))

    def group(
        self,
        handlers: Handlers,
        name: str = "first",
        *,
        protocol: str = "classic",
        **settings: object,
    ) -> ConsumerGroup:
        group = ConsumerGroup(
            name,
            handlers,
            **self.place(group_protocol=protocol),
            **{"commit_interval_s": 0.1, **settings},
        )
        group.start()
        self._stack.callback(group.stop)
        return group

    def raw(self, *records: dict[str, object]) -> None:
        """What any Kafka client may have written."""
        producer = RawProducer({"bootstrap.servers": self.servers})
        for record in records:
            producer.produce(self.topic, **{"partition": 0, **record})
        assert producer.flush(15) == 0

    def ends(self) -> dict[int, int]:
        """End offsets by partition."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "asks"})
        try:
            return {
                number: consumer.get_watermark_offsets(
                    TopicPartition(self.topic, number), timeout=10
                )[1]
                for number in range(PARTITIONS)
            }
        finally:
            consumer.close()

    def committed(self, name: str = "first") -> dict[int, int]:
        """Committed positions of a group by partition; 0 where there is none."""
        pairs = [(self.topic, number) for number in range(PARTITIONS)]
        found = KafkaAdmin(KafkaConfig(bootstrap_servers=self.servers)).committed(name, pairs)
        return {number: found.get((self.topic, number), 0) for number in range(PARTITIONS)}

    def dead(self, name: str = "first") -> list[Message]:
        """All dead letters of a group."""
        topic = f"{self.topic}.{name}.dlq"
        consumer = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": "reads",
                "auto.offset.reset": "earliest",
            }
        )
        try:
            end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
            consumer.assign([TopicPartition(topic, 0, 0)])
            found: list[Message] = []
            deadline = time.monotonic() + 30
            while len(found) < end:
                assert time.monotonic() < deadline
                found += [m for m in consumer.consume(100, 0.2) if m.error() is None]
            return found
        finally:
            consumer.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_ground(topic_name, create_topic, tmp_path, stack) -> Callable[[str], Ground]:
    def make(servers: str) -> Ground:
        topic = topic_name[-40:].strip("-")
        create_topic(topic, partitions=PARTITIONS, bootstrap_servers=servers)
        for name in GROUPS:
            create_topic(f"{topic}.{name}.dlq", bootstrap_servers=servers)
        return Ground(servers, topic, tmp_path / "catalog.yaml", stack)

    return make


@pytest.fixture
def ground(make_ground, kafka_broker) -> Ground:
    return make_ground(kafka_broker.bootstrap_servers)
