"""Where output goes that cannot show everything, or take anything."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

LETTERS = "pat-events.notifier.dlq"
GROUP = """
import sys
from pat_events import ConsumerGroup, Handlers
from pat_events.events import WorkflowTriggered

handlers = Handlers()

@handlers.on(WorkflowTriggered)
def handle(event, ctx):
    sys.__stdout__.write("handled\\n")
    sys.__stdout__.flush()

group = ConsumerGroup("workflow-engine", handlers)
"""


@pytest.fixture
def letter(broker):
    headers = [("pat-dlq-reason", "Grüße".encode()), ("name", "Ω".encode())]
    letter = Outgoing(LETTERS, b"k", "Ü".encode(), headers, 1)
    send(broker, letter)


def with_encoding(command, encoding):
    return replace(command, environ=command.environ | {"PYTHONIOENCODING": encoding})


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1"])
def test_events_are_published_and_shown_whatever_the_encoding_of_the_terminal(pat_events, encoding):
    event = '{"email_id": "e-1", "subject": "Grüße Ω"}'
    command = with_encoding(pat_events, encoding)
    with command.start("publish", "EmailReceived") as process:
        process.stdin.buffer.write(event.encode())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    consumed = command("consume", "pat-emails", "--from-beginning", "--max", 1)
    assert consumed.returncode == 0, consumed.stderr
    assert json.loads(consumed.stdout)["event"]["subject"] == "Grüße Ω"


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo"],
        ["doctor", "--bootstrap", "127.0.0.1:1"],
        ["dlq", "list"],
        ["dlq", "show", LETTERS],
        ["lag", "--all"],
        ["--help"],
        ["consume", "--help"],
    ],
    ids=" ".join,
)
def test_no_command_fails_for_a_character_that_cannot_be_shown(
    pat_events, alone, letter, arguments
):
    command = alone if set(arguments) & {"demo", "doctor"} else pat_events
    result = with_encoding(command, "ascii")(*arguments)
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr
    assert result.stdout.isascii()


@pytest.mark.parametrize(
    "arguments",
    [
        ["consume", LETTERS, "--from-beginning", "--max", "1"],
        ["demo"],
        ["doctor", "--bootstrap", "127.0.0.1:1"],
        ["dlq", "list"],
        ["dlq", "show", LETTERS],
        ["lag", "--all"],
        ["publish", "WorkflowTriggered"],
        ["--version"],
        ["--help"],
        ["consume", "--help"],
    ],
    ids=" ".join,
)
def test_a_full_disk_is_one_sentence(pat_events, alone, letter, arguments):
    command = alone if set(arguments) & {"demo", "doctor"} else pat_events
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-m", "pat_events.cli", *arguments],
            env=command.environ | {"PYTHONUNBUFFERED": ""},
            input='{"workflow_id": "w-1"}',
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stderr == ("pat-events: the output cannot be written: No space left on device\n")
    assert done.returncode == 1


def test_a_group_runs_on_where_standard_error_is_full(pat_events, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "service.py").write_text(GROUP)
    assert pat_events("publish", "WorkflowTriggered", text='{"workflow_id": "w"}').returncode == 0
    with (
        open("/dev/full", "w") as full,  # noqa: PTH123 - a device
        subprocess.Popen(
            [sys.executable, "-m", "pat_events.cli", "run", "service:group"],
            env=pat_events.environ,
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
        ) as process,
    ):
        assert process.stdout.readline() == "handled\n"
        process.terminate()
        assert process.wait(60) == 0


def test_a_closed_standard_output_is_one_sentence(alone):
    done = subprocess.run(  # noqa: S602 - a shell can close it
        f"'{sys.executable}' -m pat_events.cli --version >&-",
        shell=True,
        env=alone.environ,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "pat-events: standard output is closed\n")
