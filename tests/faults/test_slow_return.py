"""A cluster that was away almost as long as an event may wait, and comes back slowly."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pat_events import Producer
from pat_events.errors import NotDeliveredError, TransportTimeoutError
from pat_events.events import EmailReceived
from tests.support.clusters import on_kafka
from tools.stack import Kafka
from tools.stack.part import LOOPBACK, free_ports

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kafka
TOPIC = "pat-emails"
DEADLINE_S = 60.0
KEYS = 5


class Proxy:
    """Stands between a client and one broker: refuses connections, or keeps answers for a while."""

    def __init__(self, upstream: int) -> None:
        (self.port,) = free_ports(1)
        #: How long each piece of an answer is kept, in seconds.
        self.delay_s = 0.0
        self._upstream = upstream
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    def accept(self) -> None:
        """Listen, on the same port each time."""
        self._listener = socket.create_server((LOOPBACK, self.port))
        self._serve(self._listen, self._listener)

    def refuse(self) -> None:
        """Cut every connection, and refuse new ones."""
        # Shut down first: a thread that accepts would keep the port.
        for it in (self._listener, *self._open):
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()
        self._open.clear()

    def _serve(self, work, *sockets: socket.socket) -> None:
        self._open.update(sockets)
        threading.Thread(target=work, args=sockets, daemon=True).start()

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                broker = socket.create_connection((LOOPBACK, self._upstream))
                self._serve(self._ask, client, broker)
                self._serve(self._answer, broker, client)

    def _ask(self, client: socket.socket, broker: socket.socket) -> None:
        self._pump(client, broker, lambda: None)

    def _answer(self, broker: socket.socket, client: socket.socket) -> None:
        self._pump(broker, client, lambda: time.sleep(self.delay_s))

    def _pump(self, source: socket.socket, target: socket.socket, wait) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                wait()
                target.sendall(data)
        for it in (source, target):
            with suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)


class KafkaBehindProxy(Kafka):
    """One broker that tells its clients the address of a proxy."""

    def __init__(self) -> None:
        super().__init__()
        self.proxy = Proxy(self._ports[1])

    def _configure(self, run, broker_id: int) -> Path:
        file = super()._configure(run, broker_id)
        with file.open("a") as properties:
            properties.write(f"advertised.listeners=PLAINTEXT://{LOOPBACK}:{self.proxy.port}\n")
        return file


@pytest.fixture
def kafka(kafka_broker):
    """A broker of this module's own; skipped where the session's cannot be had."""
    with KafkaBehindProxy() as kafka:
        kafka.proxy.accept()
        address = f"{LOOPBACK}:{kafka.proxy.port}"
        admin = AdminClient({"bootstrap.servers": address})
        wanted = NewTopic(TOPIC, num_partitions=1, replication_factor=1)
        admin.create_topics([wanted])[TOPIC].result(DEADLINE_S)
        del admin
        yield kafka
        kafka.proxy.refuse()


def numbers(address: str) -> dict[str, list[int]]:
    """What the log holds, by key and in its order."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    found: dict[str, list[int]] = {}
    try:
        start = TopicPartition(TOPIC, 0, 0)
        _, end = consumer.get_watermark_offsets(start, DEADLINE_S)
        consumer.assign([start])
        deadline = time.monotonic() + DEADLINE_S
        while consumer.position([start])[0].offset < end:
            assert time.monotonic() < deadline
            for message in consumer.consume(10_000, 0.2):
                event = EmailReceived.FromString(message.value())
                found.setdefault(event.email_id, []).append(int(event.subject))
    finally:
        consumer.close()
    return found


def test_what_a_slow_cluster_has_is_not_sent_again_and_each_key_stays_in_order(kafka):
    proxy, address = kafka.proxy, f"{LOOPBACK}:{kafka.proxy.port}"
    settings = on_kafka(
        address,
        delivery_timeout_s=5,
        client_properties={"reconnect.backoff.max.ms": "100"},
    )
    acks = []

    def publish_for(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            number = len(acks)
            event = EmailReceived(email_id=f"e-{number % KEYS}", subject=str(number))
            acks.append(producer.publish(event))
            time.sleep(0.002)

    with suppress(NotDeliveredError), Producer(**settings) as producer:
        publish_for(0.5)
        proxy.refuse()
        publish_for(4.5)
        proxy.delay_s = 1.5
        proxy.accept()
        publish_for(9)
        proxy.delay_s = 0
        producer.flush(DEADLINE_S)
    log = numbers(address)
    records = [number for of_key in log.values() for number in of_key]
    back = sum(b < a for of_key in log.values() for a, b in pairwise(of_key))
    again = sum(count - 1 for count in Counter(records).values())
    failed = [ack for ack in acks if ack.error is not None]
    assert {type(ack.error) for ack in failed} <= {TransportTimeoutError}
    assert (again, back) == (0, 0)
    assert {number for number, ack in enumerate(acks) if ack.error is None} <= set(records)
