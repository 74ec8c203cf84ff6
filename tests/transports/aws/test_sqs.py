"""A producer and queues, on LocalStack."""

from __future__ import annotations

import json
import uuid

import pytest

from pat_events import AwsConfig, Config, Producer, Sqs
from pat_events.core.envelope import Envelope
from pat_events.core.trace_context import TraceContext
from pat_events.errors import (
    AuthenticationError,
    ConfigError,
    RecordTooLargeError,
    SchemaError,
    TopicMissingError,
    TransportUnavailableError,
)
from pat_events.events import EmailDeleted, EmailProcessed, EmailReceived

pytestmark = [pytest.mark.localstack, pytest.mark.usefixtures("aws_credentials")]
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


@pytest.fixture
def sqs(aws):
    client = aws.client("sqs")
    yield client
    client.close()


@pytest.fixture
def queue(sqs):
    """Make queues; each is a name and a URL."""
    urls = []

    def queue(suffix="", **attributes):
        name = f"t-{uuid.uuid4().hex[:10]}{suffix}"
        urls.append(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return name, urls[-1]

    yield queue
    for url in urls:
        sqs.delete_queue(QueueUrl=url)


def received(sqs, url):
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=5,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    )
    return answer["Messages"]


def test_an_event_arrives_with_its_envelope_and_its_handle_tells_where(sqs, queue, aws_config):
    name, url = queue()
    cause = Envelope("i-0", None, None, None, None, "c-0", None, "t-1", None, TraceContext(TRACE))
    with Producer(transport=Sqs(name, aws_config)) as producer:
        ack = producer.publish(
            EmailReceived(email_id="e-1"), caused_by=cause, headers={"x-raw": b"\xff"}
        )
        position = ack.result(30)
    (message,) = received(sqs, url)
    assert (position.topic, position.message_id) == (name, message["MessageId"])
    body = json.loads(message["Body"])
    assert body["data"]["email_id"] == "e-1"
    attributes = message["MessageAttributes"]
    assert attributes["ce_id"]["StringValue"] == body["id"] == ack.event_id
    assert attributes["x-raw"]["BinaryValue"] == b"\xff"
    assert body["traceparent"] == attributes["traceparent"]["StringValue"]
    assert body["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    x_ray = message["Attributes"]["AWSTraceHeader"]
    assert x_ray.startswith("Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=")


def test_each_type_of_event_may_have_a_queue_of_its_own(sqs, queue, aws_config):
    (one, one_url), (other, other_url) = queue(), queue(".fifo", FifoQueue="true")
    queues = {"EmailReceived": one, "EmailProcessed": other_url}
    with Producer(transport=Sqs(queues, aws_config)) as producer:
        acks = [
            producer.publish(EmailReceived(email_id="e-1")),
            producer.publish(EmailProcessed(email_id="e-1")),
        ]
        assert [it.result(30).topic for it in acks] == [one, other]
        with pytest.raises(ConfigError, match=r"no queue is named for EmailDeleted: name one"):
            producer.publish(EmailDeleted(email_id="e-1"))
    assert len(received(sqs, one_url)) == 1
    (message,) = received(sqs, other_url)
    assert message["Attributes"]["MessageGroupId"] == "e-1"
    assert message["Attributes"]["MessageDeduplicationId"] == acks[1].event_id


def test_a_queue_that_is_not_there_is_told_at_the_start(aws_config, queue):
    _, url = queue()
    for missing in ("no-such-queue", url + "-not"):
        with pytest.raises(TopicMissingError, match=r"there is no queue .*-[a-z]+ in us-east-1"):
            Producer(transport=Sqs(missing, aws_config))


@pytest.mark.parametrize("form", ["name", "url"])
def test_a_queue_that_is_not_there_fails_the_event_at_once(aws_config, queue, form):
    missing = "no-such-queue" if form == "name" else queue()[1] + "-not"
    producer = Producer(Config(connect_timeout_s=0), transport=Sqs(missing, aws_config))
    with pytest.raises(TopicMissingError, match=r"create it, or correct its name, region"):
        producer.publish(EmailReceived(email_id="e-1")).result(30)
    producer._sender.close(5)


def test_a_queue_that_takes_less_refuses_the_one_that_is_too_large(sqs, queue, aws_config):
    name, _ = queue(MaximumMessageSize="2048")
    producer = Producer(transport=Sqs(name, aws_config))
    large = producer.publish(EmailReceived(email_id="e-1", text_body="x" * 3000))
    small = producer.publish(EmailReceived(email_id="e-1"))
    with pytest.raises(RecordTooLargeError, match=f"queue {name} in us-east-1.*keep large bodies"):
        large.result(30)
    assert small.result(30)
    producer._sender.close(5)


def test_what_no_queue_can_carry_is_refused_when_it_is_published(queue, aws_config):
    config = Config(max_event_bytes=2_000_000)
    with Producer(config, transport=Sqs(queue()[0], aws_config)) as producer:
        with pytest.raises(
            RecordTooLargeError, match=r"SQS takes 1048576: set PAT_EVENTS_CLAIM_CHECK"
        ):
            producer.publish(EmailReceived(email_id="e-1", text_body="x" * 1_048_000))
        with pytest.raises(SchemaError, match="has 11 message attributes"):
            producer.publish(
                EmailReceived(email_id="e-1"), headers={f"x-{n}": b"v" for n in range(7)}
            )


def test_nobody_at_the_address_is_told_with_the_address():
    nowhere = AwsConfig(region="us-east-1", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(TransportUnavailableError, match=r"queue q in us-east-1.*127.0.0.1:1"):
        Producer(Config(connect_timeout_s=0.5), transport=Sqs("q", nowhere))


def test_without_credentials_it_is_said_what_to_give(aws_config, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(AuthenticationError, match="give boto3 valid credentials"):
        Producer(transport=Sqs("q", aws_config))


def test_whether_dead_letters_can_go_to_a_queue_is_asked(queue, aws_config):
    name, url = queue()
    transport = Sqs(name, aws_config)
    transport.check_dead_letters(name, 5)
    transport.check_dead_letters(url, 5)
    with pytest.raises(TopicMissingError, match="there is no queue no-such in us-east-1"):
        transport.check_dead_letters("no-such", 5)
    with pytest.raises(ConfigError, match="is no SQS queue"):
        transport.check_dead_letters("emails.dlq", 5)
