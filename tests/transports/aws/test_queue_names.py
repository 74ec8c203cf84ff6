"""Queues by name, URL or ARN, and what their attributes say of where letters go."""

from __future__ import annotations

import json
import uuid
from contextlib import closing

import pytest

from pat_events import AwsConfig, Sqs, SqsQueue
from pat_events.errors import ConfigError
from pat_events.transports.aws.queue_names import Redrive, name_of_arn, redrive_of

ARN = "arn:aws:sqs:us-east-1:000000000000:emails-dlq"


def test_the_name_of_an_arn_is_what_it_ends_with_and_a_name_is_itself():
    assert [name_of_arn(each) for each in (ARN, "emails-dlq")] == ["emails-dlq"] * 2


@pytest.mark.parametrize("most", [3, "3"])
def test_a_redrive_policy_names_the_queue_and_the_receives(most):
    policy = json.dumps({"deadLetterTargetArn": ARN, "maxReceiveCount": most})
    assert redrive_of({"RedrivePolicy": policy}) == Redrive("emails-dlq", 3)


@pytest.mark.parametrize("policy", [None, "", "{}", "[]", "null", "{", '{"maxReceiveCount": 3}'])
def test_a_policy_that_is_not_there_or_cannot_be_read_is_none(policy):
    assert redrive_of({} if policy is None else {"RedrivePolicy": policy}) is None


def test_a_queue_may_be_an_arn_and_its_region_is_the_one_that_is_called():
    arn = ARN.replace("us-east-1", "eu-west-3")
    elsewhere = AwsConfig(region="us-east-1")
    for made in (Sqs(arn, elsewhere), Sqs({"EmailReceived": arn}, elsewhere)):
        assert (made.address, made._config.region) == ("emails-dlq", "eu-west-3")
    assert SqsQueue(arn, elsewhere).name == "emails-dlq"
    assert Sqs(f"{arn}.fifo", elsewhere).keeps_order


@pytest.mark.parametrize("arn", [ARN.replace("sqs", "sns"), f"{ARN}:x", "arn:aws:sqs:q"])
def test_an_arn_of_something_else_is_no_queue(arn):
    with pytest.raises(ConfigError, match=r"is no SQS queue: give its name .*, its URL or its ARN"):
        Sqs(arn, AwsConfig())


@pytest.mark.localstack
@pytest.mark.usefixtures("aws_credentials")
def test_a_queue_is_found_by_its_arn_and_not_in_another_region(aws, localstack_url):
    config = AwsConfig(region="us-east-1", endpoint_url=localstack_url)
    name = f"t-{uuid.uuid4().hex[:8]}"
    with closing(aws.client("sqs")) as sqs:
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        try:
            arn = ARN.replace("emails-dlq", name)
            Sqs(arn, config).ping(5)
            found = SqsQueue(arn, config).queue_id(5)
            other = arn.replace("us-east-1", "eu-west-3")
            with pytest.raises(
                ConfigError, match=r"is not in us-east-1, .* set region to eu-west-3"
            ):
                Sqs({"EmailReceived": arn, "EmailDeleted": other}, config).ping(5)
        finally:
            sqs.delete_queue(QueueUrl=url)
    assert found == f"us-east-1/000000000000/{name}"
