"""The two walks of an event, step by step, in memory and through a Kafka client."""

from __future__ import annotations

import time
from pathlib import Path
from unittest.mock import ANY

import pytest

from pat_events import Config, ConsumerGroup, Handlers, Producer, RetryPolicy
from pat_events.catalog.load import load_catalog
from pat_events.codecs.table import codec_by_name
from pat_events.core.record import Position
from pat_events.errors import UnknownEventError
from pat_events.events import EmailProcessed, EmailReceived, PatEvent
from pat_events.telemetry import (
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

PACKAGED = (Path(__file__).parents[2] / "schemas" / "catalog.yaml").read_text("utf-8")
GROUP = "email-processor"
TOPIC = "pat-emails"
PLACE = (TOPIC, 0)
DEAD = f"{TOPIC}.{GROUP}.dlq"


class Steps(list):
    """What happened, in order."""

    def saw(self, what):
        self.append(what)

    def of(self, kind):
        return [step for step in self if isinstance(step, kind)]

    def until(self, done, timeout_s=30.0):
        deadline = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < deadline, self
            time.sleep(0.005)


class Noting:
    """A sender that notes what it takes, as its reader understands it."""

    def __init__(self, sender, steps, reader):
        self._sender = sender
        self._steps = steps
        self._decode = reader.decoder(EmailReceived)

    def send(self, outgoing):
        headers = dict(outgoing.headers)
        email_id = self._decode(outgoing.value).email_id
        source, kind = headers["ce_source"].decode(), headers["content-type"].decode()
        key = outgoing.key.decode()
        self._steps.append(f"{email_id} of {source} as {kind} to {outgoing.topic}, key {key}")
        self._sender.send(outgoing)

    def __getattr__(self, name):
        return getattr(self._sender, name)


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
    transport_and_config, steps, tmp_path
):
    transport, _ = transport_and_config
    catalog = tmp_path / "catalog.yaml"
    entry = "EmailReceived:\n    topic: pat-emails\n    key: email_id\n    source: pat.smtp"
    walked = "EmailReceived:\n    topic: pat-events\n    key: subject\n    source: pat.walk"
    catalog.write_text(PACKAGED.replace(entry, walked), "utf-8")
    config = Config(catalog=catalog, codec="avro")
    sender = Noting(transport.sender(config, [steps]), steps, codec_by_name("avro"))
    with Producer(config, transport=transport, sender=sender) as producer:
        # Asked when the producer is made, and not for an event.
        catalog.unlink()
        for email_id in ("e-1", "e-2"):
            producer.publish(EmailReceived(email_id=email_id, subject="hello")).result(timeout=60)
            steps.until(lambda: isinstance(steps[-1], Acknowledged))
    assert steps == [
        "e-1 of pat.walk as application/avro to pat-events, key hello",
        Acknowledged(1),
        "e-2 of pat.walk as application/avro to pat-events, key hello",
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
        DeadLettered(at, DEAD, name, "attempts-exhausted"),
    ]
    # The offset that failed was never committed while it was in flight.
    before = steps[: steps.index(DeadLettered(at, DEAD, name, "attempts-exhausted"))]
    assert {it.offsets[PLACE] for it in before if isinstance(it, Committed)} <= {0, 1}
    assert steps.of((Assigned, Revoked)) == [Assigned((PLACE,)), Revoked((PLACE,), 0)]
    assert sum(it.records for it in steps.of(Acknowledged)) == 1  # The dead letter.
