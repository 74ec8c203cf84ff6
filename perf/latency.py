"""End to end at a steady rate: how old an event is when its handler is called."""

from __future__ import annotations

import sys
import threading
import time

from pat_events import ConsumerGroup, Context, Handlers, Producer
from pat_events.events import EmailReceived
from perf.load import config, events

READY = "ready"
PATIENCE_S = 60.0
# Publish what is due this often, in seconds.
TICK_S = 0.0005


def latency_consume(
    bootstrap_servers: str, catalog: str, group: str, count: int
) -> dict[str, float]:
    """Measure ages by the clock inside each event; both processes share the machine's clock.

    Says ``ready`` once the group reads, after the first event, which is not counted.
    """
    ages_ms: list[float] = []
    event_ids: set[str] = set()
    reading = threading.Event()
    done = threading.Event()
    handlers = Handlers()

    @handlers.on(EmailReceived)
    def handle(event: EmailReceived, ctx: Context) -> None:
        if event.email_id == "warm":
            reading.set()
            return
        sent = event.metadata.timestamp
        ages_ms.append((time.time_ns() - sent.seconds * 1_000_000_000 - sent.nanos) / 1e6)
        event_ids.add(event.metadata.event_id)
        if len(event_ids) == count:
            done.set()

    with ConsumerGroup(group, handlers, config=config(bootstrap_servers, catalog)):
        reading.wait(PATIENCE_S)
        print(READY, flush=True)
        done.wait(float(sys.stdin.readline()) + PATIENCE_S)
    ages_ms.sort()
    last = len(ages_ms) - 1
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
    return {
        "errors": count - len(event_ids),
        **{name: ages_ms[min(last, int(len(ages_ms) * share))] for name, share in shares.items()},
    }


def latency_publish(
    bootstrap_servers: str, catalog: str, rate: int, seconds: float
) -> dict[str, float]:
    """Publish at a steady rate until everything is acknowledged.

    Each event carries the time it was due, so that its age has what a stalled publisher added.
    """
    count = int(rate * seconds)
    batch = list(events(count))
    sent = 0
    with Producer(config(bootstrap_servers, catalog)) as producer:
        # A new client waits half a second for its producer id now and then. That is of its start
        # and not of the way of an event; the publishing measurement leaves it out as well.
        producer.publish(EmailReceived(email_id="warm")).result(PATIENCE_S)
        began, began_ns = time.perf_counter(), time.time_ns()
        while sent < count:
            due = min(count, int((time.perf_counter() - began) * rate))
            for number, event in enumerate(batch[sent:due], sent + 1):
                due_ns = began_ns + number * 1_000_000_000 // rate
                event.metadata.timestamp.FromNanoseconds(due_ns)
                producer.publish(event)
            sent = due
            time.sleep(TICK_S)
        elapsed = time.perf_counter() - began
    return {"rate_per_s": count / elapsed, "errors": 0}


def warm(bootstrap_servers: str, catalog: str) -> dict[str, float]:
    """Send the event that the consumer waits for."""
    with Producer(config(bootstrap_servers, catalog)) as producer:
        producer.publish(EmailReceived(email_id="warm"))
    return {"errors": 0}
