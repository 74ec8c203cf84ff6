"""``pat-events bridge``: what it is told, and what it says; see also ``tests/flows``."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from pat_events.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["to-bus"], "Missing option '--to'"),
        (["--to", "kafka"], "give the name of a GROUP"),
        (["to-bus", "--queue", "emails", "--to", "kafka"], "give the name of a GROUP"),
        (["to-bus", "--to", "sqs:emails", "--dead-letters", "letters"], "goes with --queue alone"),
    ],
)
def test_wrong_options_exit_with_2_and_say_which(arguments, said):
    result = CliRunner().invoke(app, ["bridge", *arguments])
    # As it is without the box around it, however wide that is.
    shown = " ".join(result.output.replace("│", " ").split())
    assert (result.exit_code, said in shown) == (2, True), shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["to-bus", "--to", "eventbridge:pat-dev"], "no broker is named: give --bootstrap"),
        (["--queue", "emails", "--to", "kafka"], "no broker is named: give --bootstrap"),
        (["to-bus", "--to", "eventbus:pat-dev"], "is no target: write kafka, eventbridge:BUS"),
        (["--queue", "e mails", "--to", "sqs:emails"], "is no SQS queue"),
        (
            ["to-bus", "--bootstrap", "127.0.0.1:1", "--to", "sqs:emails"],
            "no event goes to emails in the catalogue: name the events",
        ),
        (
            ["to-bus", "--bootstrap", "127.0.0.1:1", "--to", "sqs:emails", "--type", "Email"],
            "the catalogue has no event 'Email'",
        ),
        (
            ["to-bus", "--bootstrap", "127.0.0.1:1", "--to", "sqs:notifications"],
            "no broker answered at 127.0.0.1:1",
        ),
    ],
)
def test_what_cannot_be_forwarded_is_one_sentence_that_says_what_to_do(
    monkeypatch, arguments, said
):
    monkeypatch.delenv("PAT_EVENTS_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("PAT_EVENTS_CONNECT_TIMEOUT_S", "0.5")
    result = CliRunner().invoke(app, ["bridge", *arguments])
    assert (result.exit_code, said in result.stderr) == (1, True), result.output


def test_a_group_without_its_dead_letter_topics_is_told_how_to_get_them(pat_events):
    arguments = ["to-bus", "--to", "sqs:notifications.fifo", "--type", "EmailDeleted"]
    result = pat_events("bridge", *arguments)
    assert result.returncode == 1
    first, last = result.stderr.splitlines()
    assert first.startswith(
        "pat-events: starting to forward EmailDeleted (group to-bus, from 127.0.0.1:"
    )
    assert "to sqs:notifications.fifo; Ctrl-C stops it gracefully" in first
    assert "has no topic pat-emails.to-bus.dlq" in last
    assert "add it under 'groups'" in last
