"""One trace over real Kafka, a bridge, a queue of LocalStack's and a function."""

from __future__ import annotations

import uuid

import pytest

from pat_events import Bridge, Handlers, Producer, RetryPolicy, Sqs, lambda_handler
from pat_events.events import EmailReceived
from pat_events.telemetry import Tracing
from tests.flows.test_bridge import GROUP, aws_config, config, credentials, kafka, topic
from tests.support.invocations import LambdaContext, sqs
from tests.support.spans import Spans, connected, edges_of
from tests.support.waiting import until

__all__ = ["aws_config", "config", "credentials", "kafka", "topic"]

pytestmark = [pytest.mark.kafka, pytest.mark.localstack]
TWICE = RetryPolicy(attempts=2, first_delay_s=0.01)


@pytest.fixture
def queue(aws):
    """A queue: its name, and what returns the only message as Lambda is invoked with it."""
    client, name = aws.client("sqs"), f"traced-{uuid.uuid4().hex[:10]}"
    url = client.create_queue(QueueName=name)["QueueUrl"]

    def invocation():
        (message,) = client.receive_message(
            QueueUrl=url,
            WaitTimeSeconds=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )["Messages"]
        attributes = {
            name: {"stringValue": it.get("StringValue"), "dataType": it["DataType"]}
            for name, it in message.get("MessageAttributes", {}).items()
        }
        return sqs(message["Body"], attributes=attributes, system=message["Attributes"])

    yield name, invocation
    client.delete_queue(QueueUrl=url)


def test_from_kafka_over_a_bridge_and_sqs_to_a_function_that_gives_up_is_one_trace(
    kafka, config, aws_config, queue, topic
):
    spans, (name, invocation) = Spans(), queue
    tracing = Tracing(spans.provider, parent=True)
    with Producer(config, transport=kafka, tracing=tracing) as producer:
        producer.publish(EmailReceived(email_id="e-1"))
    to = Sqs(name, aws_config)
    bridge = Bridge(
        GROUP, to, types=[EmailReceived], config=config, transport=kafka, tracing=tracing
    )
    with bridge:
        until(lambda: bridge.stats().handled == 1)
    handlers = Handlers()

    @handlers.on(EmailReceived, retry=TWICE)
    def process(event, ctx):
        raise ValueError("no such customer")

    answer = lambda_handler(handlers, tracing=tracing)(invocation(), LambdaContext())
    assert len(answer["batchItemFailures"]) == 1
    assert [(it.name, it.attributes.get("messaging.system")) for it in sorted_(spans)] == [
        (f"send {topic}", "kafka"),
        (f"process {topic}", "kafka"),
        (f"send {topic}", "aws_sqs"),
        ("process my-queue", "aws_sqs"),
        ("retry my-queue", None),
        ("process my-queue", "aws_sqs"),
        ("give up my-queue", None),
    ]
    assert connected(edges_of(spans.all))
    assert len({it.context.trace_id for it in spans.all}) == 1


def sorted_(spans):
    return sorted(spans.all, key=lambda it: it.start_time)
