"""Messages of SQS as a consumer has them, and what its service answers when something is wrong."""

from __future__ import annotations

import asyncio
import json

import pytest

from pat_events import (
    AwsConfig,
    Config,
    Handlers,
    Producer,
    QueueConsumer,
    RetryPolicy,
    Sqs,
    SqsQueue,
)
from pat_events.core.dead_letter import read_cause
from pat_events.core.envelope import read_envelope
from pat_events.errors import ConfigError, TopicMissingError, TransportUnavailableError
from pat_events.events import EmailReceived
from pat_events.transports.aws.received import to_message
from pat_events.transports.aws.unwrap import Unwrapping
from pat_events.transports.memory import MemoryBroker, MemoryTransport
from tests.support.invocations import TRACE, X_RAY
from tests.support.queues import QueueInSqs
from tests.support.waiting import until

PLAIN = Unwrapping(None)
QUICK = RetryPolicy(attempts=1, first_delay_s=0.01, jitter=0)


@pytest.fixture
def aws_config(localstack_url):
    return AwsConfig(region="us-east-1", endpoint_url=localstack_url)


@pytest.fixture(autouse=True)
def credentials(aws_credentials):
    """Whatever they are."""


@pytest.fixture(autouse=True)
def quick_stop(monkeypatch):
    """A stop waits for the calls that receive."""
    monkeypatch.setattr("pat_events.consumer.queue.intake.RECEIVE_S", 1.0)


@pytest.fixture
def make_queue(aws, aws_config):
    client = aws.client("sqs")
    made = []

    def make(**settings):
        made.append(QueueInSqs(client, aws_config, **settings))
        return made[-1]

    yield make
    for queue in made:
        queue.remove()
    client.close()


def raw(**fields):
    return {"MessageId": "m", "ReceiptHandle": "r", "Body": "{}", **fields}


class TestMessages:
    def test_message_attributes_are_headers_and_what_the_queue_counts_is_told(self):
        message = to_message(
            "emails.fifo",
            raw(
                Attributes={
                    "ApproximateReceiveCount": "3",
                    "ApproximateFirstReceiveTimestamp": "1700000000500",
                    "SentTimestamp": "1700000000000",
                    "MessageGroupId": "e-1",
                },
                MessageAttributes={
                    "ce_id": {"DataType": "String", "StringValue": "é"},
                    "raw": {"DataType": "Binary", "BinaryValue": b"\xff"},
                    "n": {"DataType": "Number", "StringValue": "7"},
                },
            ),
            PLAIN,
            fifo=True,
        )
        assert dict(message.headers) == {"ce_id": "é".encode(), "raw": b"\xff", "n": b"7"}
        assert (message.receive_count, message.group, message.key) == (3, "e-1", b"e-1")
        assert (message.timestamp_ms, message.first_received_ms) == (1700000000000, 1700000000500)
        assert str(message.position) == "emails.fifo/m"

    def test_the_group_of_a_fair_queue_is_no_order(self):
        message = to_message("q", raw(Attributes={"MessageGroupId": "t"}), PLAIN, fifo=False)
        assert (message.group, message.key) == (None, None)

    def test_the_trace_that_x_ray_has_of_it_is_a_header(self):
        attributes = {"AWSTraceHeader": X_RAY}
        message = to_message("q", raw(Attributes=attributes), PLAIN, fifo=False)
        assert dict(message.headers) == {"x-amzn-trace-id": X_RAY.encode()}
        assert read_envelope(message).trace.traceparent == TRACE

    @pytest.mark.parametrize("count", ["", "x", "-1", "٣"])
    def test_what_is_no_number_is_none(self, count):
        attributes = {"ApproximateReceiveCount": count, "SentTimestamp": count}
        message = to_message("q", raw(Attributes=attributes), PLAIN, fifo=False)
        assert (message.receive_count, message.timestamp_ms) == (1, 0)


class TestRefused:
    @pytest.mark.parametrize("queue", ["", "a b", "x" * 81, 7, "https://sqs/1/"])
    def test_what_is_no_queue(self, queue):
        with pytest.raises(ConfigError, match="is no SQS queue"):
            SqsQueue(queue, AwsConfig(region="us-east-1"))

    def test_what_is_no_setting_of_aws(self):
        with pytest.raises(ConfigError, match="an AwsConfig"):
            SqsQueue("emails", Config())

    @pytest.mark.localstack
    def test_a_queue_that_is_not_there_is_named_at_the_start(self, aws_config):
        handlers = Handlers()
        handlers.add(EmailReceived, lambda event, ctx: None)
        consumer = QueueConsumer(SqsQueue("nowhere", aws_config), handlers, config=Config())
        with pytest.raises(TopicMissingError, match="there is no queue nowhere in us-east-1"):
            consumer.start()

    def test_an_address_where_nobody_is_ends_in_time(self):
        queue = SqsQueue("emails", AwsConfig(region="us-east-1", endpoint_url="http://127.0.0.1:1"))
        with pytest.raises(TransportUnavailableError, match="receiving from queue emails"):
            queue.features(0.5)
        with pytest.raises(TransportUnavailableError, match="receiving from queue emails"):
            queue.receiver().receive(1, 0, 30)


@pytest.mark.localstack
@pytest.mark.parametrize(("fifo", "data"), [(False, "json"), (True, "base64")])
def test_what_a_producer_sends_to_a_queue_reaches_the_same_handlers(
    make_queue, aws_config, fifo, data
):
    queue = make_queue(fifo=fifo, max_receives=3)
    called = []
    handlers = Handlers()

    @handlers.on(EmailReceived)
    async def handle(event, ctx):
        await asyncio.sleep(0)
        called.append(
            (event.email_id, event.subject, ctx.correlation_id, ctx.event_id, ctx.attempt)
        )

    ids = []
    with Producer(transport=Sqs(queue.queue.name, aws_config, data=data)) as producer:
        for n in range(30):
            event = EmailReceived(email_id=f"e-{n % 3}", subject=str(n))
            ids.append(producer.publish(event, correlation_id="c").event_id)
    with QueueConsumer(queue.queue, handlers, config=Config()) as consumer:
        until(lambda: consumer.stats().handled == 30)
    assert sorted(called) == sorted((f"e-{n % 3}", str(n), "c", ids[n], 1) for n in range(30))
    if fifo:
        of_key = [int(subject) for email_id, subject, *_ in called if email_id == "e-1"]
        assert of_key == sorted(of_key)
    assert queue.receive() == []


@pytest.mark.localstack
def test_an_event_that_came_by_a_rule_of_eventbridge_reaches_the_same_handlers(make_queue):
    queue = make_queue(max_receives=3)
    called = []
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: called.append(event.email_id))
    detail = {"email_id": "e-1"}
    event = {"id": "1", "source": "pat.smtp", "detail-type": "Email Received", "detail": detail}
    queue.send(json.dumps(event))
    with QueueConsumer(queue.queue, handlers, config=Config()):
        until(lambda: called == ["e-1"])


@pytest.mark.localstack
def test_what_is_given_up_ends_in_the_queues_dead_letter_queue(make_queue):
    queue = make_queue(max_receives=2)
    handlers = Handlers()
    handlers.add(EmailReceived, lambda event, ctx: None)
    queue.send('{"Records": [{"eventSource": "aws:s3"}]}', "not even JSON")
    with QueueConsumer(queue.queue, handlers, config=Config()):
        letters = []
        until(lambda: letters.extend(queue.letters()) or len(letters) == 2)
    assert queue.receive() == []


@pytest.mark.localstack
def test_a_dead_letter_of_ours_names_the_message_and_its_cause(make_queue, aws_config):
    queue, broker = make_queue(), MemoryBroker()
    broker.create_topic("letters", 1)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=QUICK)
    def handle(event, ctx):
        raise ValueError("no such account")

    transport = Sqs(queue.queue.name, aws_config)
    with Producer(transport=transport) as producer:
        sent = producer.publish(EmailReceived(email_id="e-1")).result(30)
    consumer = QueueConsumer(
        queue.queue,
        handlers,
        config=Config(),
        transport=MemoryTransport(broker),
        dead_letters="letters",
    )
    with consumer:
        until(lambda: consumer.stats().dead_lettered == 1)
    (letter,) = broker.records("letters")
    cause = read_cause(dict(letter.headers))
    assert (cause.origin, cause.message) == (sent, "no such account")
    assert queue.receive() == []
