"""Publish to acknowledgement: bare confluent-kafka, and ``Producer.publish``."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pat_events import Producer
from pat_events.events import EmailReceived
from perf.load import bare_producer, config, events, transport
from perf.processor import Turns

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from pat_events import Config
    from pat_events.transports.sending import Outgoing

POLL_EVERY = 128
FLUSH_S = 60.0


def publish_raw(bootstrap_servers: str, catalog: str, count: int) -> dict[str, float]:
    """Produce what ``Producer`` would: same bytes, headers and settings, one shared callback.

    The records are made beforehand: encoding, ids and headers cost the bare client nothing.
    """
    topic, batch = records(catalog, count)
    client = bare_producer(bootstrap_servers, catalog)
    acknowledged = 0

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    client.produce(topic, b"warm", on_delivery=on_delivery)
    client.flush(FLUSH_S)
    produce, poll = client.produce, client.poll
    turns = Turns()
    began = time.perf_counter()
    for number, (key, value, headers, timestamp_ms) in enumerate(batch):
        produce(topic, value, key, -1, on_delivery, None, timestamp_ms, headers)
        if not number % POLL_EVERY:
            poll(0)
    called = time.perf_counter()
    waited_share = turns.waited_share()
    client.flush(FLUSH_S)
    result = _result(count, began, called, count + 1 - acknowledged)
    return {**result, "waited_share": waited_share}


def publish_ours(bootstrap_servers: str, catalog: str, count: int) -> dict[str, float]:
    """Publish events with everything around them: envelope, encoding, handle, retention."""
    batch = list(events(count))
    with Producer(config(catalog), transport=transport(bootstrap_servers)) as producer:
        producer.publish(EmailReceived(email_id="warm")).result(FLUSH_S)
        publish = producer.publish
        began = time.perf_counter()
        for event in batch:
            publish(event)
        called = time.perf_counter()
        producer.flush(FLUSH_S)  # Raises if one event is missing.
        return _result(count, began, called, 0)


def _result(count: int, began: float, called: float, errors: int) -> dict[str, float]:
    return {
        "cost_us": (called - began) / count * 1e6,
        "events_per_s": count / (time.perf_counter() - began),
        "errors": errors,
    }


class _Taking:
    """A sender, and the transport of it, that keeps records instead of sending them."""

    system = "perf"

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []

    def sender(self, _: Config, __: object, ___: object) -> Any:
        return self

    def send(self, outgoing: Outgoing) -> None:
        self.taken.append(outgoing)

    def close(self, _: float) -> list[Outgoing]:
        return []


def records(catalog: str, count: int) -> tuple[str, list[tuple[Any, Any, Any, int]]]:
    """Return the topic, and key, value, headers and time of what ``Producer`` would send."""
    taken = outgoing(config(catalog), count)
    return taken[0].topic, [(it.key, it.value, it.headers, it.timestamp_ms) for it in taken]


def outgoing(settings: Config, count: int) -> list[Outgoing]:
    """Return what ``Producer`` would hand to a sender."""
    taking = _Taking()
    settings = replace(settings, connect_timeout_s=0)
    with Producer(settings, transport=taking) as producer:  # type: ignore[arg-type]
        for event in events(count):
            producer.publish(event)
    return taking.taken


def fill(bootstrap_servers: str, catalog: str, count: int) -> dict[str, float]:
    """Put events where the consumers will find them."""
    with Producer(config(catalog), transport=transport(bootstrap_servers)) as producer:
        for event in events(count):
            producer.publish(event)
    return {"errors": 0}
