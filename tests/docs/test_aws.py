"""What docs/aws.md shows runs as it is, on LocalStack."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.support.examples import examples

pytestmark = pytest.mark.localstack


@pytest.fixture
def surroundings(aws, localstack_url, monkeypatch):
    """What the examples name, and an environment that leads there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", localstack_url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with ExitStack() as ends:
        clients = tuple(aws.client(name) for name in ("sqs", "sns", "events", "s3"))
        sqs, sns, events, s3 = clients
        for client in clients:
            ends.callback(client.close)
        for queue in ("pat-dev-email-processing", "pat-dev-notifications.fifo"):
            fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
            url = sqs.create_queue(QueueName=queue, Attributes=fifo)["QueueUrl"]
            ends.callback(sqs.delete_queue, QueueUrl=url)
        topic = sns.create_topic(Name="pat-dev-operations")["TopicArn"]
        ends.callback(sns.delete_topic, TopicArn=topic)
        events.create_event_bus(Name="pat-dev")
        ends.callback(events.delete_event_bus, Name="pat-dev")
        s3.create_bucket(Bucket="pat-dev-payloads")
        yield


@pytest.mark.parametrize("example", examples("docs/aws.md", "python"), ids=str)
def test_an_example_runs_by_itself(example, surroundings):
    example.run()
