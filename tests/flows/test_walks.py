"""The two walks of an event, step by step, in memory and through a Kafka client."""

from __future__ import annotations

import time

import pytest

from pat_events import Config, ConsumerGroup, Handlers, Producer, RetryPolicy
from pat_events.catalog.binding import EventTypes
from pat_events.catalog.load import load_catalog
from pat_events.consumer.recovery import recovery as recovery_module
from pat_events.consumer.recovery.recovery import Recovery
from pat_events.core.lanes import Lanes
from pat_events.core.offsets import OffsetTracker
from pat_events.errors import UnknownEventError
from pat_events.events import EmailProcessed, EmailReceived, PatEvent
from pat_events.testing import EmbeddedBroker
from pat_events.transports.memory import MemoryBroker, MemoryTransport

GROUP = "email-processor"
TOPIC = "pat-emails"
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
    with Producer(config, transport=transport) as producer:
        stamp = producer._stamps[EmailReceived]
        steps.watch(monkeypatch, stamp, "encode", lambda event: "codec")
        sender = type(producer._sender)
        steps.watch(
            monkeypatch,
            sender,
            "send",
            lambda self, it: (
                f"transport: {it.topic} {it.key.decode()} {dict(it.headers)['ce_type']}"
            ),
        )
        producer.publish(EmailReceived(email_id="e-1")).result(timeout=60)
        steps.append("acknowledged")
        producer.publish(EmailReceived(email_id="e-2")).result(timeout=60)
    assert steps == [
        # Asked when the producer is made, and not for an event.
        "catalogue",
        "codec",
        "transport: pat-emails e-1 b'pat.events.v1.EmailReceived'",
        "acknowledged",
        "codec",
        "transport: pat-emails e-2 b'pat.events.v1.EmailReceived'",
    ]


def test_an_event_the_catalogue_lacks_gets_no_further(transport_and_config, steps, monkeypatch):
    transport, config = transport_and_config
    with Producer(config, transport=transport) as producer:
        steps.watch(monkeypatch, type(producer._sender), "send", lambda self, it: "transport")
        with pytest.raises(UnknownEventError):
            producer.publish(PatEvent())
    assert steps == []


def test_three_failures_end_in_a_dead_letter_before_the_commit_moves(
    transport_and_config, steps, monkeypatch
):
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
    _watch_the_engine(steps, monkeypatch, transport)
    with ConsumerGroup(GROUP, handlers, config=config, transport=transport, commit_interval_s=0.01):
        steps.until(lambda: "commit 2" in steps)
    seen = [step for step in dict.fromkeys(steps) if step not in ("commit 0", "commit 1")]
    assert seen == [
        "tracker starts 0",
        "tracker finishes 0",
        "tracker starts 1",
        "lane of e",
        "attempt 1",
        "Retry",
        "attempt 2",
        "attempt 3",
        "DeadLetter(reason='attempts-exhausted')",
        f"written to {DEAD}",
        "tracker finishes 1",
        "commit 2",
    ]
    assert steps.count("Retry") == 2
    assert steps.count(f"written to {DEAD}") == 1
    # The offset that failed was never committed while it was in flight.
    assert steps.index("commit 2") > steps.index("tracker finishes 1")


def _watch_the_engine(steps, monkeypatch, transport):
    decide = recovery_module.decide

    def deciding(*args, **kwargs):
        verdict = decide(*args, **kwargs)
        steps.append("Retry" if type(verdict).__name__ == "Retry" else str(verdict))
        return verdict

    monkeypatch.setattr(recovery_module, "decide", deciding)
    steps.watch(
        monkeypatch, OffsetTracker, "start", lambda self, offset, _: f"tracker starts {offset}"
    )
    steps.watch(
        monkeypatch, OffsetTracker, "finish", lambda self, offset: f"tracker finishes {offset}"
    )
    steps.watch(monkeypatch, Lanes, "add", lambda self, it: f"lane of {it.key.decode()}")
    steps.watch(
        monkeypatch,
        Recovery,
        "settle_letter",
        lambda self, letter: f"written to {letter.topic}" if letter.error is None else "held",
    )
    receiver = type(transport.receiver("asks", "latest"))
    steps.watch(
        monkeypatch,
        receiver,
        "commit",
        lambda self, offsets, *, wait: f"commit {offsets.get((TOPIC, 0))}",
    )


def _class(event):
    return event if isinstance(event, type) else type(event)
