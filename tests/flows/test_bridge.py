"""Kafka to a bus of AWS to a handler, and a queue to Kafka: real Kafka, and LocalStack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from pat_events import (
    AwsConfig,
    Bridge,
    Config,
    ConsumerGroup,
    Envelope,
    EventBridge,
    Handlers,
    KafkaTransport,
    Producer,
    QueueConsumer,
    SqsQueue,
)
from pat_events.core.headers import CE_BRIDGED_FROM
from pat_events.core.trace_context import TraceContext
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.clusters import kafka_config
from tests.support.senders import OnEventBridge
from tests.support.waiting import DEADLINE_S, until

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]

PACKAGED = (Path(__file__).parents[2] / "schemas" / "catalog.yaml").read_text("utf-8")
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CAUSE = Envelope("cause-1", None, None, None, None, "c-1", None, None, None, TraceContext(TRACE))
GROUP = "to-the-bus"
REGION = "us-east-1"


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """What LocalStack lets in."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)


@pytest.fixture
def bus(aws, localstack_url):
    """A bus whose rule hands e-mails to a queue."""
    bus = OnEventBridge(aws, localstack_url)
    bus.prepare()
    yield bus
    bus.close()


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region=REGION, endpoint_url=localstack_url)


@pytest.fixture
def topic(create_topic):
    topic = f"emails-{uuid.uuid4().hex[:10]}"
    suffixes = ("", f".{GROUP}.dlq", ".reader.dlq", ".letters")
    for name in (f"{topic}{suffix}" for suffix in suffixes):
        create_topic(name)
    return topic


@pytest.fixture
def config(topic, tmp_path):
    """The packaged catalogue with a topic of its own for e-mails."""
    path = tmp_path / "catalog.yaml"
    path.write_text(PACKAGED.replace("pat-emails", topic), "utf-8")
    return Config(catalog=path)


@pytest.fixture
def kafka(kafka_broker):
    return KafkaTransport(kafka_config(kafka_broker.bootstrap_servers, "consumer"))


def collecting(seen):
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: seen.append((event, ctx)))
    return handlers


def name_of(bus):
    return bus.queue_url.rpartition("/")[2]


def test_an_event_of_kafka_reaches_a_handler_behind_the_bus_with_its_id_correlation_and_trace(
    bus, aws_config, kafka, config
):
    with Producer(config, transport=kafka) as producer:
        published = producer.publish(
            EmailReceived(email_id="e-1", subject="Grüße"),
            caused_by=CAUSE,
            tenant_id="acme",
            headers={"own": b"\x00\xff"},
        )
        producer.publish(EmailReceived(email_id="e-2", subject="x" * 4000))
    seen = []
    letters = MemoryBroker()
    letters.create_topic("letters", 1)
    consumer = QueueConsumer(
        SqsQueue(name_of(bus), aws_config),
        collecting(seen),
        config=config,
        transport=MemoryTransport(letters),
        dead_letters="letters",
    )
    to = EventBridge(name_of(bus), replace(aws_config, entry_bytes=3000))
    bridge = Bridge(GROUP, to, types=[EmailReceived], config=config, transport=kafka)
    with consumer, bridge:
        until(lambda: len(seen) == 1)
        until(lambda: bridge.stats().dead_lettered == 1)  # Too large for the bus.
    (event, ctx) = seen[0]
    envelope = ctx.envelope
    assert (event.email_id, event.subject) == ("e-1", "Grüße")
    assert (ctx.event_id, ctx.correlation_id) == (published.event_id, "c-1")
    assert (envelope.causation_id, ctx.tenant_id) == ("cause-1", "acme")
    assert envelope.trace.traceparent[3:35] == TRACE[3:35]
    assert dict(ctx.headers)["own"] == b"\x00\xff"
    assert (bridge.stats().handled, bridge.stats().in_flight) == (1, 0)


class Commands:
    """The command line in processes of its own, with all it needs to know in the environment."""

    def __init__(self, kafka_broker, localstack_url, config):
        self._environ = os.environ | {
            "PAT_EVENTS_BOOTSTRAP_SERVERS": kafka_broker.bootstrap_servers,
            "PAT_EVENTS_GROUP_PROTOCOL": "consumer",
            "PAT_EVENTS_CATALOG": str(config.catalog),
            "PAT_EVENTS_AWS_ENDPOINT_URL": localstack_url,
            "PAT_EVENTS_AWS_REGION": REGION,
        }
        self._ends = ExitStack()

    def start(self, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "pat_events.cli", *arguments],
            env=self._environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._ends.enter_context(process)
        self._ends.callback(process.kill)
        return process

    def close(self):
        self._ends.close()


@pytest.fixture
def commands(kafka_broker, localstack_url, config):
    commands = Commands(kafka_broker, localstack_url, config)
    yield commands
    commands.close()


def test_a_queue_is_brought_to_kafka_and_what_came_from_there_stays_where_it_is(
    bus, aws_config, kafka, config, topic, commands
):
    there = commands.start(
        "bridge", GROUP, "--to", f"eventbridge:{name_of(bus)}", "--type", "EmailReceived"
    )
    back = commands.start(
        "bridge", "--queue", name_of(bus), "--to", "kafka", "--dead-letters", f"{topic}.letters"
    )
    # The rule hands both to the queue.
    with Producer(config, transport=kafka) as producer:
        of_kafka = producer.publish(EmailReceived(email_id="e-1"))
    with Producer(config, transport=EventBridge(name_of(bus), aws_config)) as producer:
        of_the_bus = producer.publish(EmailReceived(email_id="e-2"), caused_by=CAUSE)
    seen = []
    with ConsumerGroup("reader", collecting(seen), config=config, transport=kafka):
        until(lambda: len(seen) == 2)
        said = [back.stderr.readline() for _ in range(2)]
    # What came from the queue went to the bus as well, and not further than to the queue again.
    there.send_signal(signal.SIGTERM)
    _, told = there.communicate(timeout=DEADLINE_S)
    assert (there.returncode, told.splitlines()[-1]) == (
        0,
        "pat-events: forwarded 2 events, 0 dead letters",
    )
    assert said[0].startswith("pat-events: starting to forward EmailReceived, EmailProcessed, ")
    assert f"event {of_kafka.event_id} is not forwarded" in said[1]
    assert {ctx.event_id for _, ctx in seen} == {of_kafka.event_id, of_the_bus.event_id}
    (brought,) = [ctx for _, ctx in seen if ctx.event_id == of_the_bus.event_id]
    assert brought.correlation_id == "c-1"
    assert brought.envelope.trace.traceparent[3:35] == TRACE[3:35]
    assert dict(brought.headers)[CE_BRIDGED_FROM].decode() == (
        f"queue:{REGION}/000000000000/{name_of(bus)}"
    )
