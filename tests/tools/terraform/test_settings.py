"""What Terraform hands to services has the names the package reads."""

from __future__ import annotations

import re

from pat_events.config import Config
from pat_events.transports.aws.config import AwsConfig
from pat_events.transports.kafka.config import KafkaConfig
from tools.terraform.workspace import TERRAFORM

NAME = re.compile(r"PAT_EVENTS_\w+")


def test_every_setting_that_terraform_names_is_one():
    named = set(NAME.findall((TERRAFORM / "locals.tf").read_text(encoding="utf-8")))
    known = {
        f"PAT_EVENTS_{settings.env_prefix}{field}".upper()
        for settings in (Config, KafkaConfig, AwsConfig)
        for field in settings.__dataclass_fields__
    }

    assert named
    assert named <= known
