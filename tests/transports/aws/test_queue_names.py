"""Queues by name, URL or ARN, and what their attributes say of where letters go."""

from __future__ import annotations

import json

import pytest

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
