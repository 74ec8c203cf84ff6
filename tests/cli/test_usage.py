from __future__ import annotations

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app
from pat_events.core.wording import counted

USAGES = {
    "bridge": "[OPTIONS] [GROUP]",
    "catalog": "[OPTIONS] COMMAND [ARGS]...",
    "catalog check": "[OPTIONS] [FILE]",
    "consume": "[OPTIONS] TOPIC...",
    "demo": "[OPTIONS]",
    "dlq": "[OPTIONS] COMMAND [ARGS]...",
    "dlq edit": "[OPTIONS] TOPIC [FILE]",
    "dlq export": "[OPTIONS] TOPIC",
    "dlq import": "[OPTIONS] TOPIC FILE",
    "dlq list": "[OPTIONS] [TOPIC]...",
    "dlq move": "[OPTIONS] COMMAND [ARGS]...",
    "dlq move cancel": "[OPTIONS]",
    "dlq move start": "[OPTIONS]",
    "dlq move watch": "[OPTIONS]",
    "dlq purge": "[OPTIONS] TOPIC",
    "dlq redrive": "[OPTIONS]",
    "dlq show": "[OPTIONS] [TOPIC]",
    "doctor": "[OPTIONS]",
    "groups": "[OPTIONS] COMMAND [ARGS]...",
    "groups reset": "[OPTIONS] GROUP",
    "lag": "[OPTIONS] [GROUP]...",
    "look": "[OPTIONS] QUEUE",
    "publish": "[OPTIONS] EVENTTYPE [FILE]",
    "replay": "[OPTIONS] COMMAND [ARGS]...",
    "replay cancel": "[OPTIONS] NAME",
    "replay list": "[OPTIONS]",
    "replay start": "[OPTIONS]",
    "replay watch": "[OPTIONS] NAME",
    "run": "[OPTIONS] MODULE:NAME",
    "top": "[OPTIONS] [GROUP]...",
    "topics": "[OPTIONS] COMMAND [ARGS]...",
    "topics apply": "[OPTIONS]",
    "topics diff": "[OPTIONS]",
}


def help_of(*command):
    result = CliRunner().invoke(app, [*command, "--help"], env={"TERMINAL_WIDTH": "100"})
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("command", USAGES)
def test_a_usage_line_names_what_to_write_and_a_flag_takes_nothing(command):
    shown = help_of(*command.split())
    usage = re.search(rf"Usage: pat-events {command} (.*?) *$", shown, re.MULTILINE)
    assert usage
    assert usage[1] == USAGES[command]
    assert "<bool>" not in shown
    assert "<int range>" not in shown


def test_a_command_is_imported_when_it_is_asked_for_and_the_others_are_not():
    asked = f"""
import sys
from typer.testing import CliRunner
from pat_events.cli.app import app
sys.exit(CliRunner().invoke(app, {["catalog", "check", "--help"]}).exit_code or " ".join(
    name for name in sys.modules if name.startswith(
        ("confluent_kafka", "pat_events.cli.bridge", "pat_events.consumer")
    )
) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_is_misspelt_is_answered_with_what_is_near():
    shown = CliRunner().invoke(app, ["replya"], env={"TERMINAL_WIDTH": "100"})
    assert (shown.exit_code, "Did you mean 'replay'" in shown.output) == (2, True)


@pytest.mark.parametrize("command", ["redrive", "move start"])
def test_whoever_looks_for_the_redrive_of_aws_is_told_which_of_both_it_is(command):
    shown = " ".join(help_of("dlq", *command.split()).split())
    assert "StartMessageMoveTask" in shown
    assert {"redrive": "'dlq move'", "move start": "'dlq redrive'"}[command] in shown


@pytest.mark.parametrize("command", ["replay", "purge", "export"])
def test_a_command_of_topics_alone_does_not_explain_its_choices_for_queues(command):
    assert "queue also" not in help_of("dlq", command)
    assert "Of a queue" not in help_of("dlq", command)


def test_only_commands_that_work_where_the_package_is_installed_are_listed():
    listed = re.findall(r"^│ (\w+) ", help_of(), re.MULTILINE)
    assert set(listed) == {command.split()[0] for command in USAGES}


@pytest.mark.parametrize(("number", "shown"), [(0, "0 topics"), (1, "1 topic"), (2, "2 topics")])
def test_one_is_not_many(number, shown):
    assert counted(number, "topic") == shown


def test_a_plural_may_be_irregular():
    assert [counted(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]
