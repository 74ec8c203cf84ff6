"""A saved plan is told what it would lose."""

from __future__ import annotations

import json

import pytest

from tools.terraform.cli import main
from tools.terraform.losses import losses


def plan(kind, actions, before=None, after=None, **more):
    change = {"actions": actions, "before": before, "after": after, **more}
    return {"resource_changes": [{"address": f"{kind}.this", "type": kind, "change": change}]}


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("aws_msk_cluster", "events"),
        ("aws_kms_key", "encrypts"),
        ("aws_s3_bucket", "objects"),
        ("aws_sqs_queue", "messages"),
        ("aws_cloudwatch_event_archive", "replayed"),
    ],
)
def test_what_holds_something_is_told_when_it_is_deleted(kind, says):
    (told,) = losses(plan(kind, ["delete"]))

    assert told.startswith(f"{kind}.this is deleted: ")
    assert says in told


@pytest.mark.parametrize("actions", [["delete", "create"], ["create", "delete"]])
def test_a_replacement_says_because_of_what(actions):
    paths = [["broker_node_group_info", 0, "client_subnets"]]
    (told,) = losses(plan("aws_msk_cluster", actions, {}, {}, replace_paths=paths))

    assert "replaced because of broker_node_group_info.client_subnets" in told


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("aws_sqs_queue", ["create"]),
        ("aws_sqs_queue", ["no-op"]),
        ("aws_cloudwatch_metric_alarm", ["delete"]),
    ],
)
def test_what_is_made_or_holds_nothing_is_no_loss(kind, actions):
    assert list(losses(plan(kind, actions))) == []


@pytest.mark.parametrize(("before", "after"), [(365, 30), (0, 30)])
def test_keeping_for_less_is_a_loss(before, after):
    keeping = ({"retention_in_days": before}, {"retention_in_days": after})

    assert "keeps less" in next(losses(plan("aws_cloudwatch_log_group", ["update"], *keeping)))


@pytest.mark.parametrize(("before", "after"), [(30, 365), (30, 30), (30, 0)])
def test_keeping_for_longer_is_none(before, after):
    keeping = ({"retention_in_days": before}, {"retention_in_days": after})

    assert list(losses(plan("aws_cloudwatch_log_group", ["update"], *keeping))) == []


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("4.0.x.kraft", "3.9.x.kraft", True),
        ("3.10.x.kraft", "3.9.x.kraft", True),
        ("3.9.x.kraft", "3.10.x.kraft", False),
        ("3.9.x.kraft", "3.9.x.kraft", False),
    ],
)
def test_an_older_kafka_is_told_before_msk_refuses_it(before, after, refused):
    versions = ({"kafka_version": before}, {"kafka_version": after})

    assert bool(list(losses(plan("aws_msk_cluster", ["update"], *versions)))) == refused


@pytest.mark.parametrize(("actions", "code"), [(["delete"], 1), (["create"], 0)])
def test_the_command_fails_when_something_would_be_lost(tmp_path, capsys, actions, code):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan("aws_sqs_queue", actions)))

    assert main(["--losses", str(file)]) == code
    assert ("messages" in capsys.readouterr().out) == bool(code)
