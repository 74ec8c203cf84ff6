"""``pat-events doctor`` of AWS's buses; what it finds is tested in ``tests/ops``."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest


def lines(done):
    return [json.loads(each) for each in done.stdout.splitlines()]


@pytest.mark.localstack
def test_buses_are_looked_at_without_a_broker_and_with_one_beside_it(on_aws, aws):
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    try:
        done = on_aws("doctor", "--to", f"sqs:{name}", "--json")
        # What no client can be made of is said without waiting for a broker.
        broken = {"PAT_EVENTS_CLIENT_PROPERTIES": "retry.backoff.max.ms=soon"}
        beside = replace(on_aws, environ=on_aws.environ | broken)
        with_a_broker = beside("doctor", "--queue", name, "--bootstrap", "127.0.0.1:1", "--json")
    finally:
        sqs.delete_queue(QueueUrl=url)
        sqs.close()
    assert done.returncode == 0, done.stdout
    found = {each["name"]: each["outcome"] for each in lines(done)}
    assert found["configuration"] == found[f"queue {name}: rights"] == "fine"
    assert found[f"queue {name}"] == "unknown"
    assert "client properties" not in found
    assert with_a_broker.returncode == 1
    names = [each["name"] for each in lines(with_a_broker)]
    assert names.index("client properties") < names.index("boto3") < names.index(f"queue {name}")


@pytest.mark.localstack
def test_without_options_it_looks_at_what_the_settings_name(on_aws, aws):
    s3 = aws.client("s3")
    bucket = f"claims-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    variables = {
        "PAT_EVENTS_CLAIM_CHECK_BUCKET": bucket,
        "PAT_EVENTS_CLAIM_CHECK_READ_FROM": "claims-not-there",
    }
    try:
        done = replace(on_aws, environ=on_aws.environ | variables)("doctor", "--json")
    finally:
        s3.delete_bucket(Bucket=bucket)
        s3.close()
    found = {each["name"]: each["outcome"] for each in lines(done)}
    assert found["aws credentials"] == found[f"bucket {bucket}"] == "fine"
    assert found["bucket claims-not-there"] == "wrong"
    assert "connection" not in found
    assert done.returncode == 1


@pytest.mark.localstack
def test_what_is_wrong_there_is_said_with_what_to_do(on_aws):
    done = on_aws("doctor", "--queue", "no-such", "--to", "eventbridge:no-such")
    assert done.returncode == 1
    assert "✗ queue no-such: there is no queue no-such in us-east-1" in done.stdout
    assert "✗ bus no-such: there is no bus no-such in us-east-1" in done.stdout
    assert "  -> run 'terraform apply', or correct the name" in done.stdout
