"""What others write in structured mode is as readable for an operator as our own."""

from __future__ import annotations

import json

from pat_events.transports.sending import Outgoing
from tests.support.cloud_events import BY_SDK, STRUCTURED, structured
from tests.support.clusters import send

DEAD = "pat-emails.email-processor.dlq"


def write(broker, topic, *records):
    send(broker, *(Outgoing(topic, b"k", value, headers, 1) for value, headers in records))


def test_consume_shows_the_event_and_its_envelope(pat_events, broker):
    write(broker, "pat-emails", *BY_SDK.values())
    done = pat_events("consume", "pat-emails", "--from-beginning", "--max", len(BY_SDK))
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["event"]["email_id"] for record in records} == {"m-1"}
    assert {record["envelope"]["event_id"] for record in records} == {"e-1"}


def test_a_dead_letter_is_shown_as_the_event_it_was(pat_events, broker):
    headers = [*STRUCTURED, ("pat-dlq-reason", b"refused")]
    write(broker, DEAD, (structured(data={"subject": "Hello"}), headers))
    shown = pat_events("dlq", "show", DEAD)
    assert shown.returncode == 0, shown.stderr
    assert "reason     refused" in shown.stdout
    assert "Hello" in shown.stdout
    assert "base64" not in shown.stdout
