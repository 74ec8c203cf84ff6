"""The two walks of an event, step by step, in memory and through a Kafka client."""

from __future__ import annotations

import time
from unittest.mock import ANY

import pytest

from pat_events import Config, ConsumerGroup, Handlers, Producer, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.core.record import Position
from pat_events.errors import UnknownEventError
from pat_events.events import EmailProcessed, EmailReceived, PatEvent
from pat_events.telemetry.observer import (
    Acknowledged,
    Assigned,
    Committed,
    DeadLettered,
    Delivered,
    GivenUp,
    Retried,
    Revoked,
)
from pat_events.testing import EmbeddedBroker
from pat_events.transports.memory import MemoryBroker, MemoryTransport

GROUP = "email-processor"
TOPIC = "pat-emails"
PLACE = (TOPIC, 0)
DEAD = f"{TOPIC}.{GROUP}.dlq"


class Steps(list):
    """What happened, in order."""

    def watch(self, monkeypatch, owner, name, describe):
        """Note every call of a method, before it does its work; None is not worth a note."""
        real = getattr(owner, name)

        def noting(*args, **kwargs):
            step = describe(*args, **kwargs)
            if step is not None:
                self.append(step)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, noting)

    def saw(self, what):
        self.append(what)

    def of(self, kind):
        return [step for step in self if isinstance(step, kind)]

    def until(self, done, timeout_s=15.0):
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, self
            time.sleep(0.005)


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture(params=["memory", "kafka"])
def transport_and_config(request):
    catalog = load_catalog()
    if request.param == "memory":
        broker = MemoryBroker()
        for topic in catalog.topics:
            broker.create_topic(topic, 1)
            broker.create_topic(catalog.dead_letter_topic(topic, GROUP), 1)
        yield MemoryTransport(broker), Config()
        return
    with EmbeddedBroker() as broker:
        for topic in catalog.topics:
            broker.create_topic(topic, 1)
            broker.create_topic(catalog.dead_letter_topic(topic, GROUP), 1)
        yield broker.transport(), Config()


def test_publishing_walks_from_the_catalogue_over_the_codec_to_the_transport(
    transport_and_config, steps, monkeypatch
):
    transport, config = transport_and_config
    steps.watch(monkeypatch, EventTypes, "__init__", lambda self, catalog: "catalogue")
    steps.watch(monkeypatch, EventTypes, "of", lambda self, event: "catalogue")
    sender = transport.sender(config, [steps])
    with Producer(config, transport=transport, sender=sender) as producer:
        stamp = producer._stamps[EmailReceived]
        steps.watch(monkeypatch, stamp, "encode", lambda event: "codec")
        steps.watch(
            monkeypatch,
            type(sender),
            "send",
            lambda self, it: (
                f"transport: {it.topic} {it.key.decode()} {dict(it.headers)['ce_type']}"
            ),
        )
        producer.publish(EmailReceived(email_id="e-1")).result(timeout=60)
        steps.until(lambda: steps.of(Acknowledged))
        producer.publish(EmailReceived(email_id="e-2")).result(timeout=60)
    assert steps == [
        # Asked when the producer is made, and not for an event.
        "catalogue",
        "codec",
        "transport: pat-emails e-1 b'pat.events.v1.EmailReceived'",
        Acknowledged(1),
        "codec",
        "transport: pat-emails e-2 b'pat.events.v1.EmailReceived'",
        Acknowledged(1),
    ]


def test_an_event_the_catalogue_lacks_gets_no_further(transport_and_config, steps):
    transport, config = transport_and_config
    sender = transport.sender(config, [steps])
    producer = Producer(config, transport=transport, sender=sender)
    with producer, pytest.raises(UnknownEventError):
        producer.publish(PatEvent())
    assert steps == []


def test_three_failures_end_in_a_dead_letter_before_the_commit_moves(transport_and_config, steps):
    transport, config = transport_and_config
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=3, first_delay_s=0.02, jitter=0))
    def handle(event, ctx):
        steps.append(f"attempt {ctx.attempt}")
        raise ValueError("no")

    with Producer(config, transport=transport) as producer:
        producer.publish(EmailProcessed(email_id="e"))  # offset 0, nobody handles it
        producer.publish(EmailReceived(email_id="e"))
        producer.flush(10)
    group = ConsumerGroup(
        GROUP,
        handlers,
        config=config,
        transport=transport,
        commit_interval_s=0.01,
        observers=[steps],
    )
    with group:
        steps.until(lambda: steps.of(Committed) and steps.of(Committed)[-1].offsets == {PLACE: 2})
    delivered = steps.of(Delivered)  # By one poll or two.
    assert {(it.topic, it.partition) for it in delivered} == {PLACE}
    assert (sum(it.events for it in delivered), sum(it.skipped for it in delivered)) == (2, 1)
    at, name = Position(*PLACE, 1), f"{__name__}.{handle.__qualname__}"
    assert [it for it in steps if isinstance(it, str | Retried | GivenUp | DeadLettered)] == [
        "attempt 1",
        Retried(at, name, 1, ANY, ANY),
        "attempt 2",
        Retried(at, name, 2, ANY, ANY),
        "attempt 3",
        GivenUp(at, name, 3, "attempts-exhausted", ANY),
        DeadLettered(at, DEAD),
    ]
    # The offset that failed was never committed while it was in flight.
    before = steps[: steps.index(DeadLettered(at, DEAD))]
    assert {it.offsets[PLACE] for it in before if isinstance(it, Committed)} <= {0, 1}
    assert steps.of((Assigned, Revoked)) == [Assigned((PLACE,)), Revoked((PLACE,), 0)]
    assert sum(it.records for it in steps.of(Acknowledged)) == 1  # The dead letter.
