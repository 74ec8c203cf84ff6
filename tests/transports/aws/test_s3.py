"""Payloads in S3 on LocalStack, and events with them through SQS, SNS, EventBridge and Kafka."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack, closing

import pytest

from pat_events import (
    AwsConfig,
    Config,
    ConsumerGroup,
    EventBridge,
    Handlers,
    KafkaTransport,
    Producer,
    QueueConsumer,
    RetryPolicy,
    S3Payloads,
    Sns,
    Sqs,
)
from pat_events.core.claim import Claim, Location, claim_for
from pat_events.errors import (
    ClaimCheckError,
    TopicMissingError,
    TransportUnavailableError,
)
from pat_events.events import EmailReceived
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.catalogs import CATALOG
from tests.support.clusters import kafka_config
from tests.support.queues import QueueInSqs
from tests.support.waiting import until

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]
# More than any bus takes.
LARGE = "é" * 700_000
VALUES = {"ce_id": b"i-1", "ce_type": b"t", "ce_time": b"2026-11-28T01:02:03Z"}


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


@pytest.fixture(autouse=True)
def quick_stop(monkeypatch):
    """A stop waits for the calls that receive."""
    monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)


@pytest.fixture
def s3(aws, localstack_url):
    client = aws.client("s3", endpoint_url=localstack_url)
    yield client
    client.close()


@pytest.fixture
def bucket(s3):
    name = f"payloads-{uuid.uuid4().hex[:10]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def payloads(aws_config):
    return S3Payloads(aws_config)


@pytest.fixture
def config(bucket):
    return Config(claim_check_bucket=bucket, claim_check_prefix="mail/")


class TestStore:
    def test_a_payload_is_had_as_it_was_put_and_tells_what_it_is(self, s3, bucket, payloads):
        value = bytes(range(256)) * 8_000
        claim = claim_for(Location(bucket, "mail/"), VALUES, value)
        for _ in range(2):
            payloads.put(claim, value, "application/protobuf")
        assert payloads.get(claim) == value
        found = s3.head_object(Bucket=bucket, Key=claim.key)
        assert found["Metadata"] == {"length": str(len(value)), "sha256": claim.sha256}
        assert found["ContentType"] == "application/protobuf"

    def test_no_more_is_read_than_shows_that_it_is_another(self, s3, bucket, payloads):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100)
        claim = Claim(bucket, "k", 10, "0" * 64)
        assert payloads.get(claim) == b"x" * 11
        with pytest.raises(ClaimCheckError, match="has 11 bytes, the event says 10"):
            claim.refuse_another(payloads.get(claim))

    def test_an_object_that_is_gone_is_no_outage_and_a_bucket_is(self, bucket, payloads):
        with pytest.raises(ClaimCheckError, match=f"s3://{bucket}/k is not there"):
            payloads.get(Claim(bucket, "k", 10, "0" * 64))
        with pytest.raises(TopicMissingError, match="there is no bucket no-such-bucket-at-all"):
            payloads.get(Claim("no-such-bucket-at-all", "k", 10, "0" * 64))

    def test_a_bucket_that_is_not_there_is_told_when_a_producer_starts(self, payloads):
        config = Config(claim_check_bucket="no-such-bucket-at-all")
        with pytest.raises(TopicMissingError, match=r"there is no bucket .* create it"):
            Producer(config, transport=MemoryTransport(MemoryBroker()), payloads=payloads)

    def test_nobody_there_is_unavailable(self):
        nowhere = AwsConfig(
            region="us-east-1", endpoint_url="http://127.0.0.1:1", client_attempts=1
        )
        claim = Claim("payloads", "k", 10, "0" * 64)
        with pytest.raises(TransportUnavailableError, match="bucket payloads in us-east-1"):
            S3Payloads(nowhere).get(claim)
        with pytest.raises(TransportUnavailableError, match="uploading to bucket payloads"):
            S3Payloads(nowhere).put(claim, b"x", "t")


def service():
    """Handlers, and what they got."""
    handlers, seen = Handlers(), []

    @handlers.on(EmailReceived, retry=RetryPolicy(attempts=1))
    def handle(event, ctx):
        seen.append((event.email_id, event.subject))

    return handlers, seen


def publish(producer):
    """Publish a large event, and a small one behind it."""
    for subject in (LARGE, "small"):
        producer.publish(EmailReceived(email_id="e-1", subject=subject))
    producer.flush(30)


BOTH = [("e-1", LARGE), ("e-1", "small")]


@pytest.fixture
def make_queue(aws, aws_config):
    client = aws.client("sqs")
    with ExitStack() as stack:
        stack.callback(client.close)

        def make(**settings):
            queue = QueueInSqs(client, aws_config, **settings)
            stack.callback(queue.remove)
            return queue

        yield make


def test_a_fifo_queue_hands_on_a_large_event_and_the_small_one_behind_it(
    make_queue, aws_config, config, payloads
):
    queue = make_queue(fifo=True, max_receives=5)
    handlers, seen = service()
    with Producer(config, transport=Sqs(queue.queue.name, aws_config), payloads=payloads) as it:
        publish(it)
    with QueueConsumer(queue.queue, handlers, config=config, payloads=payloads):
        until(lambda: len(seen) == 2)
    assert seen == BOTH


def test_a_queue_moves_away_what_has_lost_its_payload(
    s3, bucket, make_queue, aws_config, config, payloads
):
    queue = make_queue(fifo=True, max_receives=1)
    handlers, seen = service()
    with Producer(config, transport=Sqs(queue.queue.name, aws_config), payloads=payloads) as it:
        publish(it)
    (found,) = s3.list_objects_v2(Bucket=bucket, Prefix="mail/")["Contents"]
    s3.delete_object(Bucket=bucket, Key=found["Key"])
    letters = []
    with QueueConsumer(queue.queue, handlers, config=config, payloads=payloads):
        until(lambda: letters.extend(queue.letters()) or letters)
    assert json.loads(letters[0].value)["dataref"] == f"s3://{bucket}/{found['Key']}"
    assert LARGE not in dict(seen).values()


def test_sns_and_event_bridge_hand_on_references(aws, make_queue, aws_config, config, payloads):
    queue = make_queue(max_receives=5)
    name = f"t-{uuid.uuid4().hex[:10]}"
    with ExitStack() as stack:
        sqs, sns, events = (
            stack.enter_context(closing(aws.client(it))) for it in ("sqs", "sns", "events")
        )
        asked = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name=name)["TopicArn"]
        stack.callback(sns.delete_topic, TopicArn=topic)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        events.create_event_bus(Name=name)
        stack.callback(events.delete_event_bus, Name=name)
        pattern = {"source": ["pat.smtp"], "detail": {"email_id": ["e-1"]}}
        rule = {"EventBusName": name, "Rule": "r"}
        events.put_rule(EventBusName=name, Name="r", EventPattern=json.dumps(pattern))
        stack.callback(events.delete_rule, EventBusName=name, Name="r")
        events.put_targets(**rule, Targets=[{"Id": "q", "Arn": arn}])
        stack.callback(events.remove_targets, **rule, Ids=["q"])
        for transport in (Sns(topic, aws_config), EventBridge(name, aws_config)):
            with Producer(config, transport=transport, payloads=payloads) as producer:
                publish(producer)
        handlers, seen = service()
        with QueueConsumer(queue.queue, handlers, config=config, payloads=payloads):
            until(lambda: len(seen) == 4)
    assert sorted(seen) == sorted(BOTH * 2)


@pytest.mark.kafka
def test_a_kafka_group_gets_a_large_event_in_order_and_gives_up_one_without_its_payload(
    s3, bucket, kafka_broker, create_topic, topic_name, tmp_path, payloads
):
    create_topic(topic_name, partitions=4)
    create_topic(f"{topic_name}.g.dlq")
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(CATALOG.format(topic=topic_name))
    config = Config(catalog=catalog, claim_check_bucket=bucket)
    transport = KafkaTransport(kafka_config(kafka_broker.bootstrap_servers))
    common = {"config": config, "transport": transport, "payloads": payloads}
    with Producer(**common) as producer:
        gone = producer.publish(EmailReceived(email_id="e-0", subject=LARGE))
        gone.result(30)
        publish(producer)
        found = s3.list_objects_v2(Bucket=bucket)["Contents"]
        (key,) = (it["Key"] for it in found if gone.event_id in it["Key"])
        s3.delete_object(Bucket=bucket, Key=key)
        handlers, seen = service()
        with ConsumerGroup("g", handlers, **common) as group:
            until(lambda: len(seen) == 2 and group.stats().dead_lettered == 1)
    assert seen == BOTH
