"""The same seed gives the same run, byte for byte: ids, times, headers, letters.

``python tests/simulation/test_same_run.py SEED`` prints one.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from random import Random

from pat_events import Config, Handlers, Producer, load_catalog
from pat_events.catalog.binding import EventTypes
from pat_events.consumer.routes import Routes
from pat_events.core import headers as h
from pat_events.core.envelope import Envelope
from pat_events.core.trace_context import parse
from pat_events.errors import BufferFullError, PermanentError
from pat_events.events import EmailReceived, TenantEvent
from pat_events.testing.simulation import Member, SeededIds, VirtualClock, pause
from pat_events.transports.memory import MemoryBroker, MemoryTransport

TYPES = EventTypes(load_catalog())
TRACE = parse(b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", None)
CAUSE = Envelope("c", None, None, None, None, "c", None, None, None, TRACE)


def run(seed: int) -> list[str]:
    """Two members of a group, an outage, and handlers that fail and publish; returns the log."""
    chances = Random(seed)  # noqa: S311 - a schedule, not a secret
    clock = VirtualClock()
    broker = MemoryBroker(clock=clock)
    topics = ("pat-emails", "pat-events", "pat-emails.group.dlq")
    for topic in topics:
        broker.create_topic(topic, 2)
    config = Config(publish_timeout_s=0.5, buffer_events=4)
    ids = SeededIds(clock, chances)
    producers = [
        Producer(config, transport=MemoryTransport(broker), clock=clock, ids=ids) for _ in range(3)
    ]
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        if chances.random() < 0.3:
            raise chances.choice([ValueError("for now"), PermanentError("for good")])
        await pause()
        ctx.publish(TenantEvent(tenant_id="t"))

    members = [
        Member(
            broker,
            "group",
            Routes(handlers, TYPES, 1_000_000),
            clock,
            random=chances.random,
            producer=producer,
        )
        for producer in producers[1:]
    ]
    for turn in range(60):
        if turn < 40:
            try:
                event = EmailReceived(email_id=f"e-{chances.randrange(5)}")
                producers[0].publish(event, caused_by=CAUSE)
            except BufferFullError:
                broker.set_down(down=False)
        if turn in (10, 20):
            broker.set_down(down=not broker.down)
        for member in members:
            member.turn(chances.random())
    return [f"{broker.committed('group')} at {clock.now}", *all_of(broker, topics)]


def all_of(broker: MemoryBroker, topics: tuple[str, ...]) -> list[str]:
    told = []
    for topic in topics:
        for record in broker.records(topic):
            told.append(f"{record.position} {record.timestamp_ms} {record.key} {record.value}")
            told += [f"  {name}: {value}" for name, value in record.headers]
    return told


def of_another_process(seed: int, hash_seed: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, __file__, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_the_same_seed_is_the_same_run_from_publish_to_dead_letter_in_any_process():
    first, second = of_another_process(7, "1"), of_another_process(7, "2")
    assert first == second
    assert any("pat-emails.group.dlq" in line for line in first)
    assert any(line.startswith("pat-events") for line in first)
    assert any(h.TRACEPARENT in line for line in first)
    assert first != of_another_process(8, "1")


if __name__ == "__main__":
    logging.disable()
    print(*run(int(sys.argv[1])), sep="\n")  # noqa: T201 - the test reads it
