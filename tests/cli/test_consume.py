"""What ``pat-events consume`` shows of records, and to whom it says that it waits."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pat_events import Producer
from pat_events.cli.options import time_of
from pat_events.core.headers import CE_TYPE
from pat_events.events import EmailDeleted, EmailReceived
from pat_events.transports.sending import Outgoing
from tests.support.clusters import on_kafka, send


@pytest.fixture
def published(broker):
    """Two mails, the first of which is deleted, and a record that is no event."""
    with Producer(**on_kafka(broker)) as producer:
        producer.publish(EmailReceived(email_id="e-1", subject="Hello"))
        producer.publish(EmailReceived(email_id="e-2"))
        producer.publish(EmailDeleted(email_id="e-1"))
    headers = [(CE_TYPE, b"pat.events.v1.EmailReceived")]
    send(broker, Outgoing("pat-emails", b"e-3", b"\xff", headers, 1))


@pytest.fixture
def consume(pat_events, published):
    def consumed(*arguments):
        result = pat_events(
            "consume", "pat-emails", "--from-beginning", "--idle-timeout", 0.5, *arguments
        )
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()], result.stderr

    return consumed


def test_only_records_of_a_key_are_shown(consume):
    records, _ = consume("--key", "e-1")
    assert [record["key"] for record in records] == ["e-1", "e-1"]
    types = {record["envelope"]["type"].rpartition(".")[2] for record in records}
    assert types == {"EmailReceived", "EmailDeleted"}


def test_only_events_of_a_type_are_shown_also_those_that_cannot_be_read(consume):
    records, _ = consume("--type", "EmailReceived")
    assert {record["envelope"]["type"] for record in records} == {"pat.events.v1.EmailReceived"}
    assert sorted(record["key"] for record in records) == ["e-1", "e-2", "e-3"]


def test_a_type_is_taken_as_a_record_shows_it(consume):
    records, _ = consume("--key", "e-1", "--type", "EmailDeleted")
    [shown] = {record["envelope"]["type"] for record in records}
    assert consume("--key", "e-1", "--type", shown)[0] == records


def test_a_type_that_the_catalogue_lacks_is_answered_with_the_nearest(pat_events):
    result = pat_events("consume", "pat-emails", "--type", "EmailRecieved")
    assert result.returncode == 1
    assert "did you mean 'EmailReceived'" in result.stderr


def test_events_alone_can_be_published_again_and_what_is_none_is_said(consume, pat_events):
    events, said = consume("--format", "event", "--type", "EmailReceived")
    assert {event["email_id"] for event in events} == {"e-1", "e-2"}
    assert said.startswith("pat-events: pat-emails/")
    assert " is left out: not a EmailReceived: " in said
    again = pat_events("publish", "EmailReceived", text="\n".join(map(json.dumps, events)))
    assert again.returncode == 0, again.stderr
    published = {json.loads(line)["event_id"] for line in again.stdout.splitlines()}
    assert published == {event["metadata"]["event_id"] for event in events}


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("1.5h", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
    ],
)
def test_a_time_may_be_told_by_how_long_ago_it_was(text, ago):
    before = datetime.now(UTC)
    assert before - ago <= time_of(text) <= datetime.now(UTC) - ago


@pytest.mark.parametrize("text", ["2026-11-27T10:00Z", "2026-11-27T11:00:00+01:00"])
def test_a_time_may_be_told_by_the_clock(text):
    assert time_of(text) == datetime(2026, 11, 27, 10, tzinfo=UTC)


def test_on_a_terminal_it_says_that_it_waits(pat_events):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pat_events.cli", "consume", "pat-emails"],
        env=pat_events.environ,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        with os.fdopen(ours) as terminal:
            assert terminal.readline() == "pat-events: waiting for events; Ctrl-C ends this\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_elsewhere_it_does_not_say_that_it_waits(consume):
    records, said = consume("--idle-timeout", 1.5, "--key", "nobody")
    assert (records, said) == ([], "")
