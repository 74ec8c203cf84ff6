from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pat_events import ConsumerGroup, Handlers, KafkaTransport, Producer, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.headers import CE_TYPE
from pat_events.events import EmailReceived
from pat_events.ops.cluster import Cluster
from pat_events.testing import EmbeddedBroker
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def types() -> EventTypes:
    return EventTypes(load_catalog())


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """An embedded broker with the catalogue's topics."""
    with EmbeddedBroker() as broker:
        broker.create_topics(load_catalog())
        yield Cluster(broker.config())


@pytest.fixture
def failed(cluster: Cluster) -> Cluster:
    """Two events handled, one that its handler refused and one record that is no event."""
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=2, first_delay_s=0.01))
    def handle(event, ctx):
        if event.email_id == "bad":
            raise LookupError("no such \x1b[31mmailbox")

    transport = KafkaTransport(cluster.kafka)
    with Producer(transport=transport) as producer:
        for email_id in ("e-1", "e-2", "bad"):
            producer.publish(EmailReceived(email_id=email_id, subject="Hello"))
    headers = [(CE_TYPE, b"pat.events.v1.EmailReceived")]
    send(cluster.kafka.bootstrap_servers, Outgoing("pat-emails", b"e-1", b"\xff\xff", headers, 1))
    group = ConsumerGroup("email-processor", handlers, transport=transport)
    settled = EventuallySettled(group, 4)
    with group:
        settled.wait()
    return cluster


class EventuallySettled:
    def __init__(self, group: ConsumerGroup, count: int) -> None:
        self._group = group
        self._count = count

    def wait(self, timeout_s: float = 15.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            stats = self._group.stats()
            if stats.handled + stats.dead_lettered == self._count:
                return
            time.sleep(0.01)
        pytest.fail(f"not settled: {self._group.stats()}")
