from __future__ import annotations

import json

import pytest

from tools.terraform.policies import count, faults


def resource(statement, kind="aws_sqs_queue"):
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return {"address": f"{kind}.q", "type": kind, "values": {"policy": policy}}


def allow(**more):
    return {"Sid": "S", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "r"} | more


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_nobody_from_outside_is_let_in(principal):
    (fault,) = faults([resource(allow(Principal=principal))])
    assert fault == "aws_sqs_queue.q: S lets everybody in"


def test_a_denial_may_name_everybody():
    assert not list(faults([resource(allow(Effect="Deny", Principal="*"))]))


def test_a_service_needs_a_named_source():
    service = {"Service": "events.amazonaws.com"}
    (fault,) = faults([resource(allow(Principal=service))])
    assert "lets events.amazonaws.com in for anybody's resources" in fault


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnEquals": {"aws:SourceArn": "a"}},
        {"StringEquals": {"AWS:SourceAccount": "1"}},
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "a"}},
    ],
)
def test_source_arn_account_and_encryption_context_name_a_source(condition):
    service = {"Service": "events.amazonaws.com"}
    assert not list(faults([resource(allow(Principal=service, Condition=condition))]))


def test_eventbridge_gets_no_condition_on_a_key():
    service = {"Service": "events.amazonaws.com"}
    bare = resource(allow(Principal=service), kind="aws_kms_key")
    assert not list(faults([bare]))
    named = allow(Principal=service, Condition={"ArnLike": {"aws:SourceArn": "a"}})
    (fault,) = faults([resource(named, kind="aws_kms_key")])
    assert "every event would be lost" in fault


def test_all_actions_of_all_services_are_too_many():
    (fault,) = faults([resource(allow(Action="*"))])
    assert "allows every action" in fault


def test_negated_lists_are_refused():
    (fault,) = faults([resource(allow(NotAction="iam:*"))])
    assert "allows what it does not name" in fault


def test_trust_policies_are_read_as_well():
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:X"}})
    role = {"address": "r", "type": "aws_iam_role", "values": {"assume_role_policy": trust}}
    assert len(list(faults([role]))) == count([role]) == 1
