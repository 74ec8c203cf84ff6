"""Producers on a log in memory, and on an embedded broker that can be broken."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer

from pat_events import Config, Producer
from pat_events.catalog.load import load_catalog
from pat_events.testing import EmbeddedBroker
from pat_events.testing.simulation import VirtualClock
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.clusters import on_kafka

DEADLINE_S = 20.0


@pytest.fixture
def log():
    """A broker in memory with the catalogue's topics."""
    log = MemoryBroker()
    for topic in load_catalog().topics.values():
        log.create_topic(topic.name, topic.partitions)
    return log


@pytest.fixture
def clock(log):
    """The time of ``log`` and of its producers, which passes while somebody waits."""
    log.clock = VirtualClock()
    return log.clock


@pytest.fixture
def make(log):
    """Makes producers on ``log``, closed at the end."""
    made = []

    def make(**settings):
        config = Config(**{"buffer_events": 10, **settings})
        made.append(Producer(config, transport=MemoryTransport(log), clock=log.clock))
        return made[-1]

    yield make
    log.set_down(down=False)
    for producer in made:
        producer.close(1)


@pytest.fixture
def broker():
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        yield broker


@pytest.fixture
def kafka_producer(broker):
    """Makes producers on ``broker``; it is healed before they are closed."""
    made = []

    def make(*, tracing=None, **settings):
        properties = {
            "reconnect.backoff.ms": "20",
            "reconnect.backoff.max.ms": "100",
            "retry.backoff.ms": "20",
            **settings.pop("client_properties", {}),
        }
        settings["client_properties"] = properties
        on = on_kafka(broker.bootstrap_servers, **settings)
        made.append(Producer(**on, tracing=tracing))
        return made[-1]

    yield make
    broker.faults.clear()
    for producer in made:
        producer.close(5)


@pytest.fixture
def stored(broker):
    """Reads what the log of a topic holds, with a client of Kafka's own."""

    def stored(topic, count):
        consumer = Consumer(
            {
                "bootstrap.servers": broker.bootstrap_servers,
                "group.id": f"reader-{time.monotonic_ns()}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
            }
        )
        found = []
        try:
            consumer.subscribe([topic])
            deadline = time.monotonic() + DEADLINE_S
            # One more poll than needed shows what is there too often.
            while len(found) < count or (more := consumer.consume(100, 0.2)):
                assert time.monotonic() < deadline, f"{len(found)} of {count}"
                found += consumer.consume(100, 0.1) if len(found) < count else more
        finally:
            consumer.close()
        assert [it.error() for it in found if it.error()] == []
        return found

    return stored
