"""Which faults are planted, and what is made of those that nobody noticed."""

from __future__ import annotations

import pytest

from tools.terraform import mutation
from tools.terraform.mutation import Mutant, mutants
from tools.terraform.report import Stage
from tools.terraform.workspace import TERRAFORM

WIRING = """\
locals {
  # metric = "Words"
  alarm = {
    description = "Words of metric = \\"x\\""
    severity    = "critical"
    metric      = "Age"
    above       = local.age_s
    dimensions  = { QueueName = queue.dead_letters }
  }
  kept = var.name
}

module "queue" {
  source = "./queue"

  fifo = var.fifo
  network = {
    vpc_id = var.vpc_id
  }
}
"""


@pytest.fixture
def planted(tmp_path, monkeypatch):
    monkeypatch.setattr(mutation, "FILES", ("sqs.tf",))
    (tmp_path / "sqs.tf").write_text(WIRING)
    return [(mutant.was.strip(), mutant.now.strip()) for mutant in mutants(tmp_path)]


def test_what_is_watched_is_changed_and_words_are_left_alone(planted):
    assert planted[:4] == [
        ('severity    = "critical"', 'severity    = "warning"'),
        ('metric      = "Age"', 'metric      = "Ages"'),
        ("above       = local.age_s", "above       = 1000 * (local.age_s)"),
        (
            "dimensions  = { QueueName = queue.dead_letters }",
            "dimensions  = { QueueName = queue.live }",
        ),
    ]


def test_every_argument_of_a_module_is_left_out_once_and_nothing_else(planted):
    assert planted[4:] == [("fifo = var.fifo", ""), ("vpc_id = var.vpc_id", "")]


def test_the_faults_that_once_went_unnoticed_are_among_those_planted():
    told = "\n".join(map(str, mutants(TERRAFORM)))
    for fault in (
        "1000 * max(900",  # the age of a queue
        '"ApproximateAgeOfOldestMessages"',  # a metric there is not
        "QueueName = queue.live",  # dead letters counted in the live queue
        "cloudwatch.amazonaws.com",  # alarms may publish
        "in [] :",  # an address is not subscribed
        "Condition = local.via.sqs -> (gone)",
        "client_security_groups  = coalesce(each.value.client_security_groups, ",
        "archive_days = var.archive_days -> (gone)",
        "s3_prefix_list_id = module.inputs.msk_connect.s3_prefix_list_id -> (gone)",
        "alarm_actions     = ",
    ):
        assert fault in told


def test_the_score_leaves_out_what_terraform_does_not_even_read():
    stage = Stage("mutation")
    mutant = Mutant("sqs.tf", 0, "a", "")
    mutation._tell(stage, [(mutant, True)] * 19 + [(mutant, False), (mutant, None)])
    assert stage.figures == {"mutation.killed": 19, "mutation.total": 20}
    assert stage.faults == []
    assert stage.summary == "19/20 planted faults noticed, 1 invalid"


def test_a_score_below_95_percent_is_a_fault():
    stage = Stage("mutation")
    mutant = Mutant("sqs.tf", 0, "a", "")
    mutation._tell(stage, [(mutant, True)] * 18 + [(mutant, False)])
    assert stage.faults == ["1 of 19 planted faults were not noticed"]
