"""End to end at a steady rate: how old an event is when it is handled, ours and bare.

Each event carries the time it was due, so that its age has what a stalled publisher added. Both
processes of a window share the machine's clock.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from confluent_kafka import TopicPartition

from pat_events import ConsumerGroup, Context, Handlers, Producer
from pat_events.catalog.load import load_catalog
from pat_events.events import EmailReceived
from perf.consuming import BATCH, bare_consumer
from perf.load import bare_producer, config, events, transport
from perf.processor import Turns
from perf.publishing import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import KafkaError, Message

READY = "ready"
WARM = b"warm"
PATIENCE_S = 60.0
# Publish what is due this often, in seconds.
TICK_S = 0.0005
STAMP_BYTES = 8


def latency_consume_ours(
    bootstrap_servers: str, catalog: str, group: str, count: int, seconds: float
) -> dict[str, float]:
    """Measure the age of each event by the clock inside it, when its handler is called.

    Says ``ready`` once the group reads, after an event of its own, which is not counted.
    """
    ages_ms: list[float] = []
    event_ids: set[str] = set()
    reading = threading.Event()
    done = threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        if event.email_id == WARM.decode():
            reading.set()
            return
        sent = event.metadata.timestamp
        ages_ms.append((time.time_ns() - sent.seconds * 1_000_000_000 - sent.nanos) / 1e6)
        event_ids.add(event.metadata.event_id)
        if len(event_ids) == count:
            done.set()

    settings, there = config(catalog), transport(bootstrap_servers)
    with Producer(settings, transport=there) as producer:
        producer.publish(EmailReceived(email_id=WARM.decode())).result(PATIENCE_S)
    with ConsumerGroup(group, handlers, config=settings, transport=there):
        reading.wait(PATIENCE_S)
        print(READY, flush=True)
        done.wait(seconds + PATIENCE_S)
    return _ages(ages_ms, count - len(event_ids))


def latency_consume_raw(
    bootstrap_servers: str, catalog: str, group: str, count: int, seconds: float
) -> dict[str, float]:
    """Measure the age of each record by the stamp at its end, when it was read."""
    ages_ms: list[float] = []
    numbers: set[int] = set()
    topic = _topic(catalog)
    warming = bare_producer(bootstrap_servers, catalog)
    warming.produce(topic, WARM)
    warming.flush(PATIENCE_S)
    client = bare_consumer(bootstrap_servers, topic, group)
    deadline = time.monotonic() + seconds + PATIENCE_S
    while len(numbers) < count and time.monotonic() < deadline:
        messages = client.consume(1, 0.1)
        if messages:
            messages += client.consume(BATCH - 1, 0)
        last: dict[int, int] = {}
        for message in messages:
            value = message.value()
            if message.error() is not None or not isinstance(value, bytes):
                continue
            last[message.partition()] = message.offset()  # type: ignore[index, assignment]
            if value == WARM:
                if not numbers:
                    print(READY, flush=True)
                continue
            due_ns = int.from_bytes(value[-STAMP_BYTES:], "big")
            ages_ms.append((time.time_ns() - due_ns) / 1e6)
            numbers.add(due_ns)
        if last:
            client.store_offsets(
                offsets=[TopicPartition(topic, p, offset + 1) for p, offset in last.items()]
            )
    client.close()
    return _ages(ages_ms, count - len(numbers))


def latency_publish_ours(
    bootstrap_servers: str, catalog: str, rate: int, seconds: float
) -> dict[str, float]:
    """Publish at a steady rate until everything is acknowledged."""
    batch = list(events(int(rate * seconds)))
    with Producer(config(catalog), transport=transport(bootstrap_servers)) as producer:
        # A new client waits half a second for its producer id now and then. That is of its start
        # and not of the way of an event; the publishing measurement leaves it out as well.
        producer.publish(EmailReceived(email_id=WARM.decode())).result(PATIENCE_S)

        def send(number: int, due_ns: int) -> None:
            event = batch[number]
            event.metadata.timestamp.FromNanoseconds(due_ns)
            producer.publish(event)

        measured = _steadily(rate, len(batch), send, lambda: None)
    return {**measured, "errors": 0}  # Closing raises if an event is missing.


def latency_publish_raw(
    bootstrap_servers: str, catalog: str, rate: int, seconds: float
) -> dict[str, float]:
    """Produce records of the same bytes, headers and settings at the same rate."""
    topic, batch = records(catalog, int(rate * seconds))
    client = bare_producer(bootstrap_servers, catalog)
    acknowledged = 0

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    client.produce(topic, WARM, on_delivery=on_delivery)
    client.flush(PATIENCE_S)

    def send(number: int, due_ns: int) -> None:
        key, value, headers, timestamp_ms = batch[number]
        stamped = value[:-STAMP_BYTES] + due_ns.to_bytes(STAMP_BYTES, "big")
        client.produce(topic, stamped, key, -1, on_delivery, None, timestamp_ms, headers)

    measured = _steadily(rate, len(batch), send, lambda: client.poll(0))
    client.flush(PATIENCE_S)
    return {**measured, "errors": len(batch) + 1 - acknowledged}


def _steadily(
    rate: int, count: int, send: Callable[[int, int], None], rest: Callable[[], object]
) -> dict[str, float]:
    """Send each of ``count`` events when it is due."""
    sent = 0
    turns = Turns()
    began, began_ns = time.perf_counter(), time.time_ns()
    while sent < count:
        due = min(count, int((time.perf_counter() - began) * rate))
        for number in range(sent, due):
            send(number, began_ns + (number + 1) * 1_000_000_000 // rate)
        sent = due
        rest()
        time.sleep(TICK_S)
    return {
        "rate_per_s": count / (time.perf_counter() - began),
        "waited_share": turns.waited_share(),
    }


def _topic(catalog: str) -> str:
    return load_catalog(config(catalog).catalog).events["EmailReceived"].topic


def _ages(ages_ms: list[float], lost: int) -> dict[str, float]:
    ages_ms.sort()
    last = len(ages_ms) - 1
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
    return {
        "errors": lost,
        **{
            name: ages_ms[min(last, int(len(ages_ms) * share))] if ages_ms else float("nan")
            for name, share in shares.items()
        },
    }
