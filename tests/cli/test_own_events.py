"""Commands and a catalogue whose classes are in a module of the current directory."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import pytest

from pat_events.transports.sending import Outgoing
from tests.support.clusters import send

EVENT = '{"email_id": "e-1", "subject": "Hello"}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a catalogue and its module, as the current directory."""
    text = (resources.files("pat_events") / "schemas" / "catalog.yaml").read_text("utf-8")
    own = text.replace("python_module: pat_events.events", "python_module: own_events")
    assert own != text
    (tmp_path / "own.yaml").write_text(own)
    (tmp_path / "own_events.py").write_text("from pat_events.events import *")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(pat_events, folder):
    """The command as the console script starts it: it does not look where it is started."""
    variables = {"PYTHONSAFEPATH": "1", "PAT_EVENTS_CATALOG": str(folder / "own.yaml")}
    return replace(pat_events, environ=pat_events.environ | variables)


def records(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_events_of_a_module_that_lies_here_are_published_consumed_and_examined(command):
    published = command("publish", "EmailReceived", text=EVENT)
    assert [ack["offset"] for ack in records(published)] == [0]
    consumed = command("consume", "pat-emails", "--from-beginning", "--max", 1)
    assert [record["event"]["subject"] for record in records(consumed)] == ["Hello"]
    assert not consumed.stderr
    # At an address where nobody answers: an embedded broker answers no administrator.
    soon = replace(command, environ=command.environ | {"PAT_EVENTS_CONNECT_TIMEOUT_S": "0.2"})
    examined = soon("doctor", "--bootstrap", "127.0.0.1:1")
    assert "classes agree\n" in examined.stdout


def test_without_the_module_records_are_shown_as_bytes_and_why_is_said(command, folder):
    assert len(records(command("publish", "EmailReceived", text=EVENT))) == 1
    (folder / "own_events.py").unlink()
    consumed = command("consume", "pat-emails", "--from-beginning", "--max", 1)
    [record] = records(consumed)
    assert record["error"] == "the event classes of the catalogue are not there"
    assert record["value_base64"]
    assert record["envelope"]["event_id"]
    assert "'own_events' cannot be imported" in consumed.stderr
    assert len(consumed.stderr.splitlines()) == 2


def test_without_the_module_a_dead_letter_is_shown_with_its_cause(command, folder, broker):
    (folder / "own_events.py").unlink()
    topic = "pat-events.notifier.dlq"
    letter = Outgoing(topic, b"k", b"v", [("pat-dlq-reason", b"refused")], 1)
    send(broker, letter)
    shown = command("dlq", "show", topic)
    assert shown.returncode == 0, shown.stderr
    assert "reason     refused" in shown.stdout
    assert "bytes      dg== (base64)" in shown.stdout
    assert "'own_events' cannot be imported" in shown.stderr


def test_without_the_module_nothing_is_published(command, folder):
    (folder / "own_events.py").unlink()
    refused = command("publish", "EmailReceived", text=EVENT)
    assert refused.returncode == 1
    assert "'own_events' cannot be imported" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
