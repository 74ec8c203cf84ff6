"""A producer, a bus, the rules that Terraform makes, and queues behind them, on LocalStack."""

from __future__ import annotations

import json
import re
import uuid
from contextlib import ExitStack

import pytest

from pat_events import AwsConfig, Config, EventBridge, Producer, load_catalog
from pat_events.core.envelope import Envelope
from pat_events.core.trace_context import TraceContext
from pat_events.errors import (
    ConfigError,
    NotDeliveredError,
    RecordTooLargeError,
    TopicMissingError,
)
from pat_events.events import (
    EmailProcessed,
    EmailReceived,
    EmailValidated,
    PluginExecutionRequired,
    WorkflowTriggered,
)

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENTS = [
    EmailReceived(email_id="k"),
    EmailProcessed(email_id="k"),
    EmailValidated(email_id="k"),
    WorkflowTriggered(workflow_id="k"),
    PluginExecutionRequired(plugin_id="k"),
]


class Bus:
    """A bus whose rules hand events to queues of its own."""

    def __init__(self, aws):
        self.name = f"t-{uuid.uuid4().hex[:10]}"
        self._ends = ExitStack()
        self._events, self._sqs = aws.client("events"), aws.client("sqs")
        self._ends.callback(self._events.close)
        self._ends.callback(self._sqs.close)
        self._events.create_event_bus(Name=self.name)
        self._ends.callback(self._events.delete_event_bus, Name=self.name)
        self._queues = {}

    def rule(self, name, pattern, queue, *, fifo=False):
        """What terraform/modules/event-bus makes of a rule and its target."""
        rule = {"Rule": name, "EventBusName": self.name}
        self._events.put_rule(Name=name, EventBusName=self.name, EventPattern=json.dumps(pattern))
        self._ends.callback(self._events.delete_rule, Name=name, EventBusName=self.name)
        target = {"Id": queue, "Arn": self._arn(queue, fifo=fifo)}
        if fifo:
            target["SqsParameters"] = {"MessageGroupId": name}
        self._events.put_targets(**rule, Targets=[target])
        self._ends.callback(self._events.remove_targets, **rule, Ids=[queue])

    def _arn(self, queue, *, fifo):
        if queue not in self._queues:
            name = f"{self.name}-{queue}{'.fifo' if fifo else ''}"
            fifo_attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
            url = self._sqs.create_queue(
                QueueName=name, Attributes=fifo_attributes if fifo else {}
            )["QueueUrl"]
            self._queues[queue] = url
            self._ends.callback(self._sqs.delete_queue, QueueUrl=url)
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queues[queue], AttributeNames=["QueueArn"]
        )
        return answer["Attributes"]["QueueArn"]

    def received(self, queue, count):
        found = []
        for _ in range(10):
            answer = self._sqs.receive_message(
                QueueUrl=self._queues[queue], MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            found += [json.loads(it["Body"]) for it in answer.get("Messages", ())]
            if len(found) >= count:
                break
        return found

    def close(self):
        self._ends.close()


@pytest.fixture
def bus(aws):
    bus = Bus(aws)
    yield bus
    bus.close()


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


def test_every_rule_of_the_catalogue_hands_its_events_to_its_queues(bus, aws_config):
    catalog = load_catalog()
    wanted = {}
    for event in catalog.events.values():
        # As terraform/locals.tf names rules and writes their patterns.
        rule = re.sub("([a-z0-9])([A-Z])", r"\1-\2", event.name).lower()
        pattern = {"source": [event.source], "detail-type": [event.detail_type]}
        for queue in event.targets.get("queues", ()):
            bus.rule(rule, pattern, queue, fifo=catalog.queues[queue].fifo)
            wanted.setdefault(queue, set()).add(event.full_name)
    assert {it.DESCRIPTOR.full_name for it in EVENTS} == set().union(*wanted.values())
    # Rules match the catalogue's sources, whoever publishes.
    with Producer(Config(source="my.service"), transport=EventBridge(bus.name, aws_config)) as it:
        acks = [it.publish(event) for event in EVENTS]
        assert {ack.result(30).topic for ack in acks} == {bus.name}
    for queue, types in wanted.items():
        found = bus.received(queue, len(types))
        assert {it["detail"]["cloudevent"]["type"] for it in found} == types
        assert {it["detail"]["cloudevent"]["source"] for it in found} == {"my.service"}
    assert len({ack.position.message_id for ack in acks}) == len(EVENTS)


def test_the_detail_is_the_event_with_its_envelope_beside_its_fields(bus, aws_config):
    bus.rule("all", {"source": ["pat.workflows"]}, "q")
    cause = Envelope("i-0", None, None, None, None, "c-0", None, "t-1", None, TraceContext(TRACE))
    event = WorkflowTriggered(workflow_id="w-1")
    with Producer(transport=EventBridge(bus.name, aws_config)) as producer:
        ack = producer.publish(event, caused_by=cause, headers={"x-raw": b"\xff"})
    (found,) = bus.received("q", 1)
    detail = found["detail"]
    own = detail.pop("cloudevent")
    # What the state machine of terraform/modules/workflow reads.
    assert (detail["workflow_id"], detail["metadata"]["event_id"]) == ("w-1", ack.event_id)
    assert detail["metadata"] == {
        "event_id": ack.event_id,
        "correlation_id": "c-0",
        "source": "pat.workflows",
        "tenant_id": "t-1",
        "timestamp": own["time"],
    }
    traceparent = own.pop("traceparent")
    assert traceparent.startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert own == {
        "specversion": "1.0",
        "id": ack.event_id,
        "type": "pat.events.v1.WorkflowTriggered",
        "source": "pat.workflows",
        "time": own["time"],
        "subject": "w-1",
        "correlationid": "c-0",
        "causationid": "i-0",
        "tenantid": "t-1",
        "datacontenttype": "application/json",
        "headers": {"x-raw": "/w=="},
    }
    assert (found["source"], found["detail-type"]) == ("pat.workflows", "Workflow Triggered")
    assert found["resources"] == ["w-1"]
    assert found["time"][:19] == own["time"][:19]


def test_rules_match_fields_of_the_event_and_of_its_envelope(bus, aws_config):
    bus.rule("field", {"source": ["pat.smtp"], "detail": {"email_id": ["e-1"]}}, "field")
    of_tenant = {"detail": {"cloudevent": {"tenantid": ["t-1"]}}}
    bus.rule("tenant", {"source": ["pat.smtp"]} | of_tenant, "tenant")
    with Producer(transport=EventBridge(bus.name, aws_config)) as producer:
        producer.publish(EmailReceived(email_id="e-1"), tenant_id="t-2")
        producer.publish(EmailReceived(email_id="e-2"), tenant_id="t-1")
    for queue, email_id in (("field", "e-1"), ("tenant", "e-2")):
        assert [it["detail"]["email_id"] for it in bus.received(queue, 1)] == [email_id]


def test_a_bus_that_is_not_there_is_told_at_the_start(aws_config):
    with pytest.raises(TopicMissingError, match=r"there is no bus no-such-bus in us-east-1"):
        Producer(transport=EventBridge("no-such-bus", aws_config))


def test_an_entry_is_as_large_as_eventbridge_counts_it(localstack_url):
    config = AwsConfig(region="us-east-1", endpoint_url=localstack_url, entry_bytes=1000)
    transport = EventBridge("b", config)
    sender = transport.sender(Config())
    producer = Producer(transport=transport, sender=sender)
    wrapped = []
    wrap = sender._bus.wrap
    sender._bus.wrap = lambda outgoing: wrapped.append(wrap(outgoing)) or wrapped[-1]
    producer.publish(EmailReceived(email_id="é", text_body="ü"))
    (entry,) = wrapped
    texts = [entry.fields[name] for name in ("Source", "DetailType", "Detail")]
    texts += entry.fields["Resources"]
    assert entry.size == 14 + sum(len(it.encode()) for it in texts)
    with pytest.raises(
        RecordTooLargeError, match=r"takes 1000 \(entry_bytes\): set PAT_EVENTS_CLAIM_"
    ):
        producer.publish(EmailReceived(email_id="e", text_body="x" * 1000))
    sender.close(0)


@pytest.mark.parametrize(
    ("region", "entry_bytes"), [("eu-west-1", 1_048_576), ("cn-north-1", 262_144)]
)
def test_how_large_an_entry_may_be_follows_from_the_region(region, entry_bytes):
    sender = EventBridge("b", AwsConfig(region=region)).sender(Config())
    assert sender._bus.max_bytes == entry_bytes
    sender.close(0)


def test_how_large_an_entry_may_be_is_a_setting(monkeypatch):
    monkeypatch.setenv("PAT_EVENTS_AWS_ENTRY_BYTES", "5000")
    monkeypatch.setenv("PAT_EVENTS_AWS_REGION", "eu-west-1")
    sender = EventBridge("b").sender(Config())
    assert sender._bus.max_bytes == 5000
    sender.close(0)


def test_of_a_call_that_is_too_large_for_the_bus_each_entry_goes_alone(bus, localstack_url):
    # LocalStack takes 256 KiB.
    config = AwsConfig(region="us-east-1", endpoint_url=localstack_url, linger_s=0.2)
    producer = Producer(transport=EventBridge(bus.name, config))
    acks = [
        producer.publish(EmailReceived(email_id=f"e-{size}", text_body="x" * size))
        for size in (150_000, 160_000, 900_000)
    ]
    with pytest.raises(NotDeliveredError, match="1 failed"):
        producer.close()
    assert [ack.result(0).topic for ack in acks[:2]] == [bus.name] * 2
    advice = r"PAT_EVENTS_CLAIM_CHECK_BUCKET.* PAT_EVENTS_AWS_ENTRY_BYTES \(entry_bytes\)"
    with pytest.raises(RecordTooLargeError, match=advice):
        acks[2].result(0)


@pytest.mark.parametrize("bus", ["", "a b", "arn:aws:sqs:us-east-1:000000000000:q"])
def test_what_is_no_bus_is_refused(bus):
    with pytest.raises(ConfigError, match="is no bus of EventBridge"):
        EventBridge(bus)


def test_the_region_of_an_arn_is_the_one_that_is_called():
    arn = "arn:aws:events:eu-west-3:123456789012:event-bus/pat"
    assert EventBridge(arn, AwsConfig(region="us-east-1"))._config.region == "eu-west-3"
    assert EventBridge(arn).address == "pat"
