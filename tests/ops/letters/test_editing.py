"""Letters with another payload."""

import json

import pytest
from typer.testing import CliRunner

from pat_events import Config
from pat_events.cli.app import app
from pat_events.core.dead_letter import Cause, dead_letter, without_value
from pat_events.core.record import Delivery
from pat_events.errors import CodecError, ConfigError, SchemaError
from pat_events.events import EmailReceived
from pat_events.ops.letters import audit, editing
from pat_events.ops.letters.reading import LetterReading
from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

LETTERS = "pat-emails.email-processor.dlq"
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def put(cluster, *, value=None, headers=(), stripped=False):
    event = EmailReceived(email_id="e-1", subject="Hello")
    event.metadata.event_id = "old"
    event.metadata.correlation_id = "c-1"
    named = [
        ("ce_id", b"old"),
        ("ce_type", b"pat.events.v1.EmailReceived"),
        ("ce_correlationid", b"c-1"),
        ("ce_causationid", b"before"),
        ("content-type", b"application/protobuf"),
        ("traceparent", TRACE),
        ("mine", b"1"),
        *headers,
    ]
    payload = event.SerializeToString() if value is None else value
    delivery = Delivery("pat-emails", 3, 41, b"e-1", payload, named, 7)
    cause = Cause("email-processor", "h", "rejected", ValueError("x"), 1, 1, 2, replays=2)
    record = dead_letter(delivery, LETTERS, cause)
    record = without_value(record) if stripped else record
    sent = Outgoing(*record)
    send(cluster.kafka.bootstrap_servers, sent)
    [letter] = LetterReading(cluster, LETTERS)
    return letter.delivery.position


def edit(cluster, types, position, text, **options):
    return editing.edit(
        cluster, types, LETTERS, position.partition, position.offset, text,
        why="a test", config=Config(), **options,
    )  # fmt: skip


def test_the_new_event_is_another_one_that_the_old_one_caused(cluster, types):
    old = put(cluster)
    event = editing.event_of(cluster, types, LETTERS, old.partition, old.offset)
    assert event["subject"] == "Hello"
    done = edit(cluster, types, old, json.dumps({**event, "subject": "Hi"}))
    assert (done.letter, done.event_id, done.rekeyed) == (old, "old", False)
    letters = {it.event_id: it for it in LetterReading(cluster, LETTERS)}
    assert letters.keys() == {"old", done.new_event_id}
    new = letters[done.new_event_id]
    assert new.delivery.position == done.new_letter
    read = EmailReceived.FromString(new.delivery.value)
    assert (read.subject, read.metadata.event_id) == ("Hi", done.new_event_id)
    headers = dict(new.delivery.headers)
    assert (headers["ce_causationid"], headers["ce_correlationid"]) == (b"old", b"c-1")
    assert (headers["traceparent"], headers["mine"]) == (TRACE, b"1")
    assert len(headers) == len(new.delivery.headers)
    assert new.cause == letters["old"].cause
    assert new.cause.replays == 2
    begun, ended = audit.lines(cluster, "email-processor")
    assert (begun["command"], begun["why"], begun["letter"]) == ("dlq edit", "a test", str(old))
    assert (begun["event_id"], begun["new_event_id"]) == ("old", done.new_event_id)
    assert ended["result"] == "done"


def test_a_letter_without_its_value_has_one_afterwards(cluster, types):
    old = put(cluster, stripped=True)
    done = edit(cluster, types, old, '{"emailId": "e-2"}')
    new = next(it for it in LetterReading(cluster, LETTERS) if it.event_id == done.new_event_id)
    assert (new.delivery.key, new.cause.value_sha256) == (b"e-2", "")
    assert done.rekeyed


def test_what_cannot_be_decoded_is_written_anew(cluster, types):
    old = put(cluster, value=b"\xff\xff")
    with pytest.raises(CodecError):
        editing.event_of(cluster, types, LETTERS, old.partition, old.offset)
    assert edit(cluster, types, old, '{"emailId": "e-1"}').new_event_id


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("{", SchemaError, "not JSON"),
        ('{"nothing": 1}', SchemaError, "no .*EmailReceived"),
        ('{"emailId": ""}', SchemaError, "email_id"),
        ('{"emailId": "a"}\n{"emailId": "b"}', SchemaError, "2 events are given"),
    ],
)
def test_nothing_is_written_of_what_is_no_such_event(cluster, types, text, error, words):
    old = put(cluster)
    with pytest.raises(error, match=words):
        edit(cluster, types, old, text)
    assert len(list(LetterReading(cluster, LETTERS))) == 1


def test_a_place_without_a_letter_is_refused(cluster, types):
    old = put(cluster)
    with pytest.raises(ConfigError, match="has no offset 7: it holds offsets 0 to 0"):
        edit(cluster, types, old._replace(offset=7), "{}")


def test_editing_is_off_unless_it_is_said(cluster, types, tmp_path):
    old = put(cluster)
    file = tmp_path / "event.json"
    file.write_text('{"emailId": "e-1", "subject": "Hi"}', "utf-8")
    command = [
        "dlq", "edit", LETTERS, str(file), "--partition", str(old.partition), "--offset", "0",
        "--bootstrap", cluster.kafka.bootstrap_servers,
    ]  # fmt: skip
    refused = CliRunner().invoke(app, command)
    assert (refused.exit_code, "no service has published" in refused.output) == (2, True)
    assert len(list(LetterReading(cluster, LETTERS))) == 1
    done = CliRunner().invoke(app, [*command, "--allow-edit", "--why", "a test"])
    assert done.exit_code == 0, done.output
    assert "caused by old" in done.stderr
    assert f"'pat-events dlq replay {LETTERS} --id" in done.stderr
    assert "its key is another" not in done.stderr
    file.write_text('{"emailId": "e-2"}', "utf-8")
    rekeyed = CliRunner().invoke(app, [*command, "--allow-edit", "--why", "a test"])
    assert "its key is another: it is in no order with events" in rekeyed.stderr
