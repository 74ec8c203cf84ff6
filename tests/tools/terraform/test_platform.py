"""Variables change from step to step; the state tells what would be created beside its like."""

from __future__ import annotations

import json

import pytest

from tools.terraform.account import Account
from tools.terraform.platform import VARIABLES, Platform, merged

ACCOUNT = Account("vpc-1", ["subnet-a"], ["subnet-b"], "sg-1", "arn:function", ["v1", "v2"])


def test_a_change_keeps_what_it_does_not_name():
    before = {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}

    assert merged(before, {"a": {"c": {"f": 3}}, "e": [2]}) == {
        "a": {"b": 1, "c": {"d": 2, "f": 3}},
        "e": [2],
    }
    assert before == {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}


@pytest.fixture
def platform(tmp_path):
    return Platform(tmp_path, ACCOUNT, {})


def test_the_first_variables_turn_the_cluster_and_its_archive_on(platform, tmp_path):
    variables = json.loads((tmp_path / VARIABLES).read_text())

    assert variables["enable_msk"]
    assert variables["msk_connect"]["plugin"]["object_version"] == "v1"


def test_what_keeps_its_name_must_not_be_created_beside_itself(platform, tmp_path):
    def kept(kind, module, *, first):
        instances = [{"create_before_destroy": True}] if first else [{}]
        return {"type": kind, "name": "this", "module": module, "instances": instances}

    resources = [
        kept("aws_mskconnect_connector", "module.msk_connect[0]", first=True),
        kept("aws_msk_cluster", "module.msk[0]", first=False),
        kept("aws_cloudwatch_metric_alarm", "module.alarms", first=True),
    ]
    (tmp_path / "terraform.tfstate").write_text(json.dumps({"resources": resources}))

    assert platform.created_before_destroyed() == [
        "module.msk_connect[0].aws_mskconnect_connector.this"
    ]
