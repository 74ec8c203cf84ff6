"""What docs/aws.md shows runs as it is, on LocalStack."""

from __future__ import annotations

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
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="pat-dev-email-processing")["QueueUrl"]
    yield
    sqs.delete_queue(QueueUrl=url)
    sqs.close()


@pytest.mark.parametrize("example", examples("docs/aws.md", "python"), ids=str)
def test_an_example_runs_by_itself(example, surroundings):
    example.run()
