"""What a shell completes: commands, options and the catalogue's names, with no broker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.cli.conftest import DEADLINE_S

BASH = shutil.which("bash")


def completed(command, *words):
    """Return what bash is offered for the last of these words."""
    variables = {
        "_PAT_EVENTS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["pat-events", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = replace(command, environ=command.environ | variables)()
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["gr"], ["groups"]),
        (["publish", "EmailRec"], ["EmailReceived"]),
        (["groups", "reset", "email-"], ["email-processor", "email-validator"]),
        (["groups", "reset", "notifier", "--topic", "pat-em"], ["pat-emails"]),
        (["consume", "pat-em"], ["pat-emails"]),
        (["lag", "notifier", "email-v"], ["email-validator"]),
        (["dlq", "show", "pat-emails.email-p"], ["pat-emails.email-processor.dlq"]),
        (["doctor", "--group", "not"], ["notifier"]),
        (["doctor", "--publishes", "Tenant"], ["TenantEvent"]),
        (["groups", "reset", "notifier", "--app"], ["--apply"]),
    ],
    ids=" ".join,
)
def test_names_are_completed_without_a_broker(alone, words, offered):
    assert completed(alone, *words) == offered


def test_names_are_those_of_the_catalogue_that_is_meant(alone, tmp_path):
    words = ["publish", "--catalog", str(tmp_path / "none.yaml"), "Email"]
    assert completed(alone, *words) == []
    named = {"PAT_EVENTS_CATALOG": str(tmp_path / "none.yaml")}
    assert completed(replace(alone, environ=alone.environ | named), "publish", "Email") == []


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_bash_takes_the_script_that_is_shown(alone):
    script = f"source <({sys.executable} -m pat_events.cli --show-completion) && complete -p"
    done = subprocess.run(
        [BASH, "-c", script],
        env=alone.environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(" pat-events")
