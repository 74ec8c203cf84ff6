"""Consume to handled: bare confluent-kafka, and a ``ConsumerGroup``."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, TopicPartition

from pat_events import ConsumerGroup, Context, Handlers
from pat_events.catalog.load import load_catalog
from pat_events.events import EmailReceived
from pat_events.transports.kafka import properties
from perf.load import cluster, config, transport
from perf.processor import Turns

# A measurement that makes no progress for this long has failed, in seconds.
PATIENCE_S = 60.0
BATCH = 500


def bare_consumer(bootstrap_servers: str, topic: str, group: str) -> Consumer:
    """Return a bare client with our settings that reads ``topic`` from its beginning."""
    client = Consumer(
        {
            **properties.consumer(cluster(bootstrap_servers), group, lambda _: None),
            "auto.offset.reset": "earliest",
        }
    )
    client.subscribe([topic])
    return client


def consume_raw(bootstrap_servers: str, catalog: str, group: str, count: int) -> dict[str, float]:
    """Read key, value and headers of every record, and store the offsets of each batch."""
    topic = load_catalog(config(catalog).catalog).events["EmailReceived"].topic
    client = bare_consumer(bootstrap_servers, topic, group)
    got = seen = 0
    began, turns = 0.0, Turns()
    cpu_s = time.process_time()
    deadline = time.monotonic() + PATIENCE_S
    while got < count and time.monotonic() < deadline:
        messages = client.consume(1, 0.1)
        if messages:
            messages += client.consume(BATCH - 1, 0)
            if not began:
                began, turns = time.perf_counter(), Turns()
        last: dict[int, int] = {}
        for message in messages:
            if message.error() is None:
                seen += len(message.key()) + len(message.value()) + len(message.headers())  # type: ignore[arg-type]
                last[message.partition()] = message.offset()  # type: ignore[index, assignment]
                got += 1
        if last:
            client.store_offsets(
                offsets=[TopicPartition(topic, p, offset + 1) for p, offset in last.items()]
            )
    ended = time.perf_counter()
    cpu_s = time.process_time() - cpu_s
    waited_share = turns.waited_share()
    client.close()
    return {
        "cpu_us": cpu_s / count * 1e6,
        "events_per_s": got / (ended - began),
        "waited_share": waited_share,
        "errors": count - got,
    }


def consume_ours(
    bootstrap_servers: str, catalog: str, group: str, count: int, *, coroutines: bool = False
) -> dict[str, float]:
    """Decode, keep order per key in lanes, call a handler, commit what is handled."""
    times: list[float] = []
    handled = 0
    done = threading.Event()
    handlers = Handlers()

    def note() -> None:
        # One thread at a time is inside a trivial handler, so a plain count will do;
        # the group's own statistics are what is checked in the end.
        nonlocal handled
        handled += 1
        if handled == 1:
            times.append(time.perf_counter())
        elif handled == count:
            done.set()

    def handle(event: EmailReceived, ctx: Context) -> None:
        note()

    async def handle_async(event: EmailReceived, ctx: Context) -> None:
        note()

    if coroutines:
        handlers.on(EmailReceived)(handle_async)
    else:
        handlers.on(EmailReceived)(handle)
    there = transport(bootstrap_servers)
    with ConsumerGroup(group, handlers, config=config(catalog), transport=there) as running:
        deadline = time.monotonic() + PATIENCE_S
        while running.stats().handled < count and time.monotonic() < deadline:
            done.wait(0.005)
        ended = time.perf_counter()
    stats = running.stats()
    return {
        "events_per_s": stats.handled / (ended - times[0]) if times else 0.0,
        "errors": abs(count - stats.handled) + stats.dead_lettered,
    }
